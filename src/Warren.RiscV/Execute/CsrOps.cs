using System.Runtime.CompilerServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Csrs;

namespace Warren.RiscV.Execute;

/// <summary>The use that a CSR instruction makes of the old value and its operand.</summary>
internal enum CsrOperation
{
    Write,
    Set,
    Clear,
}

/// <summary>
/// Zicsr. The CSR number is the op's immediate, A the source register or the 5-bit constant. Writing forms end their block, so that an
/// interrupt they allow is taken at once; where none is due, execution goes straight on.
/// </summary>
internal static unsafe class CsrOps
{
    /// <summary>CSRRS and CSRRC from x0: reads only.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Read(HartState* h, Op* op, long budget)
    {
        h->Budget = budget;
        if (TryRead(h, op))
        {
            op++;
            op->Run(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void Write(HartState* h, Op* op, long budget) =>
    Finish(h, op, budget, Update(h, op, budget, CsrOperation.Write, HartState.Reg(h, op->A)));

    [MethodImpl(Flow.Compiled)]
    internal static void Set(HartState* h, Op* op, long budget) =>
    Finish(h, op, budget, Update(h, op, budget, CsrOperation.Set, HartState.Reg(h, op->A)));

    [MethodImpl(Flow.Compiled)]
    internal static void Clear(HartState* h, Op* op, long budget) =>
    Finish(h, op, budget, Update(h, op, budget, CsrOperation.Clear, HartState.Reg(h, op->A)));

    [MethodImpl(Flow.Compiled)]
    internal static void WriteImmediate(HartState* h, Op* op, long budget) =>
    Finish(h, op, budget, Update(h, op, budget, CsrOperation.Write, op->A));

    [MethodImpl(Flow.Compiled)]
    internal static void SetImmediate(HartState* h, Op* op, long budget) =>
    Finish(h, op, budget, Update(h, op, budget, CsrOperation.Set, op->A));

    [MethodImpl(Flow.Compiled)]
    internal static void ClearImmediate(HartState* h, Op* op, long budget) =>
    Finish(h, op, budget, Update(h, op, budget, CsrOperation.Clear, op->A));

    // One past the effects: the access was illegal.
    private const int Refused = 3;

    [MethodImpl(Flow.Inline)]
    private static void Finish(HartState* h, Op* op, long budget, int outcome)
    {
        if (outcome == (int)CsrEffect.None)
        {
            op++;
            op->Run(h, op, budget);
            return;
        }

        if (outcome == Refused)
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        Flow.LeaveBefore(h, op + 1, budget);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryRead(HartState* h, Op* op)
    {
        h->CurrentOp = op;
        if (!CsrFile.MayAccess(op->Imm, h->Mode, write: false) || !h->Hart.Csrs.TryRead(op->Imm, out var value))
            return false;

        HartState.Reg(h, op->Rd) = value;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Update(HartState* h, Op* op, long budget, CsrOperation operation, ulong operand)
    {
        h->Budget = budget;
        h->CurrentOp = op;
        var hart = h->Hart;
        ulong old = 0;
        var reads = operation != CsrOperation.Write || op->Rd != HartState.Sink;
        if (!CsrFile.MayAccess(op->Imm, h->Mode, write: true) || (reads && !hart.Csrs.TryRead(op->Imm, out old)))
            return Refused;

        var value = operation switch
        {
            CsrOperation.Set => old | operand,
            CsrOperation.Clear => old & ~operand,
            _ => operand,
        };
        if (!hart.Csrs.TryWrite(op->Imm, value, out var effect))
            return Refused;

        HartState.Reg(h, op->Rd) = old;
        return effect == CsrEffect.Interrupts && !hart.InterruptReady ? (int)CsrEffect.None : (int)effect;
    }
}
