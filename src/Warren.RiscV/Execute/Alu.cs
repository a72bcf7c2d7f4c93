using System.Runtime.CompilerServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;

namespace Warren.RiscV.Execute;

/// <summary>Handlers of a computational instruction, one set per operator.</summary>
internal static unsafe class Alu<TOperator>
    where TOperator : struct, IBinaryOperator
{
    [MethodImpl(Flow.Compiled)]
    internal static void Registers(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = TOperator.Invoke(HartState.Reg(h, op->A), HartState.Reg(h, op->B));
        op++;
        op->Run(h, op, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void Immediate(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = TOperator.Invoke(HartState.Reg(h, op->A), (ulong)(long)op->Imm);
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>rd and rs1 the same, as most compressed instructions have it.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void RegistersInPlace(HartState* h, Op* op, long budget)
    {
        ref var rd = ref HartState.Reg(h, op->Rd);
        rd = TOperator.Invoke(rd, HartState.Reg(h, op->B));
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>rd and rs1 the same, as most compressed instructions have it.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void ImmediateInPlace(HartState* h, Op* op, long budget)
    {
        ref var rd = ref HartState.Reg(h, op->Rd);
        rd = TOperator.Invoke(rd, (ulong)(long)op->Imm);
        op++;
        op->Run(h, op, budget);
    }
}

/// <summary>Handler of a one-operand instruction.</summary>
internal static unsafe class Unary<TOperator>
    where TOperator : struct, IUnaryOperator
{
    [MethodImpl(Flow.Compiled)]
    internal static void Register(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = TOperator.Invoke(HartState.Reg(h, op->A));
        op++;
        op->Run(h, op, budget);
    }
}

/// <summary>Handler of a conditional branch; the op's immediate is the target's offset from the page.</summary>
internal static unsafe class Branch<TCondition>
    where TCondition : struct, ICondition
{
    [MethodImpl(Flow.Compiled)]
    internal static void Registers(HartState* h, Op* op, long budget)
    {
        var link = &Op.LinksOf(op)->Next + (TCondition.Invoke(HartState.Reg(h, op->A), HartState.Reg(h, op->B)) ? 1 : 0);
        var next = *link;
        var left = Flow.Charge(h, next, budget);
        if (left >= 0)
        {
            h->Block = next;
            op = Block.Ops(next);
            op->Run(h, op, left);
            return;
        }

        h->Continue.LeaveBlock(h, op, budget, link);
    }
}
