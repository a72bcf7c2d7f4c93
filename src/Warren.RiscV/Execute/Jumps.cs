using System.Runtime.CompilerServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>Unconditional control flow, and the ops a block ends with when its code simply goes on.</summary>
internal static unsafe class Jumps
{
    /// <summary>JAL: the immediate is the target's offset from the page; the return address is the block's end.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Jal(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = h->Page + (ulong)(long)h->Block->EndOffset;
        var link = &Op.LinksOf(op)->Taken;
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

    /// <summary>JAL with x0: no return address.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void J(HartState* h, Op* op, long budget)
    {
        var link = &Op.LinksOf(op)->Taken;
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

    /// <summary>A JAL that leaves the page: never linked.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void JalFar(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = h->Page + (ulong)(long)h->Block->EndOffset;
        var pc = h->Page + (ulong)(long)op->Imm;
        var entry = Flow.JumpEntryOf(h, pc);
        if (entry->Pc == pc && Block.IsCurrent(entry->Block))
        {
            var next = entry->Block;
            var left = Flow.Charge(h, next, budget);
            if (left >= 0)
            {
                h->Page = pc & SoftTlb.PageMask;
                h->Block = next;
                op = Block.Ops(next);
                op->Run(h, op, left);
                return;
            }
        }

        Flow.LeaveTo(h, pc, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void Jalr(HartState* h, Op* op, long budget)
    {
        var pc = (HartState.Reg(h, op->A) + (ulong)(long)op->Imm) & ~1UL;
        HartState.Reg(h, op->Rd) = h->Page + (ulong)(long)h->Block->EndOffset;
        var entry = Flow.JumpEntryOf(h, pc);
        if (entry->Pc == pc && Block.IsCurrent(entry->Block))
        {
            var next = entry->Block;
            var left = Flow.Charge(h, next, budget);
            if (left >= 0)
            {
                h->Page = pc & SoftTlb.PageMask;
                h->Block = next;
                op = Block.Ops(next);
                op->Run(h, op, left);
                return;
            }
        }

        Flow.LeaveTo(h, pc, budget);
    }

    /// <summary>JALR with x0: returns and computed gotos.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Jr(HartState* h, Op* op, long budget)
    {
        var pc = (HartState.Reg(h, op->A) + (ulong)(long)op->Imm) & ~1UL;
        var entry = Flow.JumpEntryOf(h, pc);
        if (entry->Pc == pc && Block.IsCurrent(entry->Block))
        {
            var next = entry->Block;
            var left = Flow.Charge(h, next, budget);
            if (left >= 0)
            {
                h->Page = pc & SoftTlb.PageMask;
                h->Block = next;
                op = Block.Ops(next);
                op->Run(h, op, left);
                return;
            }
        }

        Flow.LeaveTo(h, pc, budget);
    }

    /// <summary>Not an instruction: the block ended where the next one begins.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void FallThrough(HartState* h, Op* op, long budget)
    {
        var link = &Op.LinksOf(op)->Next;
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

    /// <summary>Not an instruction: what follows is to be found by the dispatcher, which looks at everything afresh.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void ToDispatcher(HartState* h, Op* op, long budget)
        => Flow.LeaveTo(h, h->Page + (ulong)(long)h->Block->EndOffset, budget);

    /// <summary>First op of a block whose instruction lies across two pages: the second page's code must be current too.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void CheckSecondPage(HartState* h, Op* op, long budget)
    {
        if (*h->Block->SecondCodeState == h->Block->SecondState)
        {
            op++;
            op->Run(h, op, budget);
            return;
        }

        Flow.JumpEntryOf(h, h->Page + (ulong)(long)h->Block->PageOffset)->Pc = ulong.MaxValue;
        Flow.LeaveBefore(h, op, budget);
    }

    /// <summary>LUI, and ADDI from x0: rd = immediate.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void LoadImmediate(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = (ulong)(long)op->Imm;
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>AUIPC: the immediate is relative to the page.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Auipc(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = h->Page + (ulong)(long)op->Imm;
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>ADDI with immediate 0, and C.MV.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Move(HartState* h, Op* op, long budget)
    {
        HartState.Reg(h, op->Rd) = HartState.Reg(h, op->A);
        op++;
        op->Run(h, op, budget);
    }
}
