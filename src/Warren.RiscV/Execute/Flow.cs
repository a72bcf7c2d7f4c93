using System.Runtime.CompilerServices;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>How handlers pass control: to the next block, to a virtual address, or back to the dispatcher.</summary>
internal static unsafe class Flow
{
    /// <summary>Every handler: compiled once, fully, so that its final call is a jump and its address never changes.</summary>
    internal const MethodImplOptions Compiled = MethodImplOptions.AggressiveOptimization;

    /// <summary>
    /// Marks a method that only ever goes back to the dispatcher. (A method that says NoInlining makes no tail calls, so nothing else may
    /// say it.)
    /// </summary>
    internal const MethodImplOptions Ending = MethodImplOptions.NoInlining;

    internal const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Shape of the jump cache: 4096 entries of 16 bytes, indexed by halfword.</summary>
    internal const int JumpEntries = 4096;

    [MethodImpl(Inline)]
    internal static JumpEntry* JumpEntryOf(HartState* h, ulong pc)
        => (JumpEntry*)((byte*)h->JumpCache + ((pc << 3) & ((JumpEntries - 1) << 4)));

    /// <summary>
    /// The rest of the budget after <paramref name="next"/>; negative if it must not be entered, as too little is left or a request waits.
    /// </summary>
    [MethodImpl(Inline)]
    internal static long Charge(HartState* h, Block* next, long budget) => (budget - next->Count) | (long)(0 - *h->Request);

    /// <summary>Leaves to the dispatcher, to go on at <paramref name="pc"/>.</summary>
    [MethodImpl(Ending)]
    internal static void LeaveTo(HartState* h, ulong pc, long budget)
    {
        h->Pc = pc;
        h->Budget = budget;
    }

    /// <summary>Leaves to the dispatcher in front of <paramref name="op"/>, which has not run.</summary>
    [MethodImpl(Ending)]
    internal static void LeaveBefore(HartState* h, Op* op, long budget)
    {
        var block = h->Block;
        h->Pc = AddressOf(h, op);
        h->Budget = budget + block->Count - Block.InstructionsBefore(block, op);
    }

    /// <summary>Virtual address of the running block's <paramref name="op"/>.</summary>
    internal static ulong AddressOf(HartState* h, Op* op) => h->Page + (ulong)(h->Block->PageOffset + (2 * op->Offset));

    /// <summary>
    /// Goes on at <paramref name="op"/> after a slow path, unless a flush came meanwhile: then what follows must be fetched anew.
    /// </summary>
    [MethodImpl(Inline)]
    internal static void Resume(HartState* h, Op* op, long budget, uint epoch)
    {
        if (epoch == h->FlushEpoch)
        {
            op->Run(h, op, budget);
            return;
        }

        LeaveBefore(h, op, budget);
    }

    /// <summary>Takes an exception at <paramref name="op"/>; it costs one instruction of budget but does not retire.</summary>
    [MethodImpl(Ending)]
    internal static void Raise(HartState* h, Op* op, long budget, ExceptionCause cause, ulong value)
    {
        LeaveBefore(h, op, budget);
        h->Budget--;
        h->Retired--;
        h->Hart.TakeException(cause, value);
    }

    /// <summary>Ends <paramref name="op"/> the way a failed access asks for.</summary>
    [MethodImpl(Ending)]
    internal static void Fail(HartState* h, Op* op, long budget, AccessStatus status, GuestAccess access)
    {
        if (status == AccessStatus.Stopped)
        {
            LeaveBefore(h, op, budget);
            h->Halt = HaltReason.Stopped;
            return;
        }

        if (status == AccessStatus.Contended)
        {
            // It costs an instruction of budget, so that the budget bounds the tries.
            LeaveBefore(h, op, budget);
            h->Budget--;
            h->Retired--;
            return;
        }

        Raise(h, op, budget, CauseOf(status, access), h->Hart.Memory.FaultAddress);
    }

    /// <summary>Illegal instruction: stval receives its encoding.</summary>
    [MethodImpl(Ending)]
    internal static void Illegal(HartState* h, Op* op, long budget)
    {
        LeaveBefore(h, op, budget);
        h->Budget--;
        h->Retired--;
        h->Hart.TakeIllegalInstruction();
    }

    internal static ExceptionCause CauseOf(AccessStatus status, GuestAccess access)
    {
        var pageFault = status == AccessStatus.PageFault;
        return access switch
        {
            GuestAccess.Read => pageFault ? ExceptionCause.LoadPageFault : ExceptionCause.LoadAccessFault,
            GuestAccess.Write => pageFault ? ExceptionCause.StorePageFault : ExceptionCause.StoreAccessFault,
            _ => pageFault ? ExceptionCause.InstructionPageFault : ExceptionCause.InstructionAccessFault,
        };
    }
}
