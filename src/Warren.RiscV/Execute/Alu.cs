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
        ref ulong rd = ref HartState.Reg(h, op->Rd);
        rd = TOperator.Invoke(rd, HartState.Reg(h, op->B));
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>rd and rs1 the same, as most compressed instructions have it.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void ImmediateInPlace(HartState* h, Op* op, long budget)
    {
        ref ulong rd = ref HartState.Reg(h, op->Rd);
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
        Links* links = Op.LinksOf(op);
        if (TCondition.Invoke(HartState.Reg(h, op->A), HartState.Reg(h, op->B)))
        {
            Block* next = links->Taken;
            if (next != null)
            {
                if ((budget -= next->Count) >= 0 && *h->Request == 0)
                {
                    h->Block = next;
                    op = Block.Ops(next);
                    op->Run(h, op, budget);
                    return;
                }

                Flow.LeaveAtBlock(h, next, budget);
                return;
            }

            Flow.Unlinked(h, &links->Taken, op->Imm, budget);
            return;
        }

        Block* fall = links->Next;
        if (fall != null)
        {
            if ((budget -= fall->Count) >= 0 && *h->Request == 0)
            {
                h->Block = fall;
                op = Block.Ops(fall);
                op->Run(h, op, budget);
                return;
            }

            Flow.LeaveAtBlock(h, fall, budget);
            return;
        }

        Flow.Unlinked(h, &links->Next, h->Block->EndOffset, budget);
    }
}
