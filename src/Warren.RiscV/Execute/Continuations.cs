using System.Runtime.CompilerServices;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Decode;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>
/// Where handlers go when the quick way fails, called in tail position through pointers in the hart's state: inlined, these would make
/// every handler save the registers only they need, and a method marked NoInlining may not itself end in a tail call.
/// </summary>
internal unsafe struct Continuations
{
    /// <summary>See <see cref="ContinuationCode.LoadMissed"/>.</summary>
    public delegate*<HartState*, Op*, long, ulong, int, void> LoadMissed;

    /// <summary>See <see cref="ContinuationCode.StoreMissed"/>.</summary>
    public delegate*<HartState*, Op*, long, ulong, int, void> StoreMissed;

    /// <summary>See <see cref="ContinuationCode.AtomicMissed"/>.</summary>
    public delegate*<HartState*, Op*, long, ulong, int, GuestAccess, void> AtomicMissed;

    /// <summary>See <see cref="ContinuationCode.Jump"/>.</summary>
    public delegate*<HartState*, ulong, long, void> Jump;

    /// <summary>See <see cref="ContinuationCode.LeaveBlock"/>.</summary>
    public delegate*<HartState*, Op*, long, Block**, void> LeaveBlock;

    internal static Continuations Make() => new()
    {
        LoadMissed = (delegate*<HartState*, Op*, long, ulong, int, void>)Code(nameof(ContinuationCode.LoadMissed)),
        StoreMissed = (delegate*<HartState*, Op*, long, ulong, int, void>)Code(nameof(ContinuationCode.StoreMissed)),
        AtomicMissed = (delegate*<HartState*, Op*, long, ulong, int, GuestAccess, void>)Code(nameof(ContinuationCode.AtomicMissed)),
        Jump = (delegate*<HartState*, ulong, long, void>)Code(nameof(ContinuationCode.Jump)),
        LeaveBlock = (delegate*<HartState*, Op*, long, Block**, void>)Code(nameof(ContinuationCode.LeaveBlock)),
    };

    private static void* Code(string method) => new HandlerReference(typeof(ContinuationCode), method).Code;
}

/// <summary>The code behind <see cref="Continuations"/>.</summary>
internal static unsafe class ContinuationCode
{
    /// <summary>
    /// A load that found no entry: by <see cref="LoadStoreUnit"/>, then on with the next op. <paramref name="kind"/> is
    /// <see cref="ILoad.Kind"/>.
    /// </summary>
    [MethodImpl(Flow.Compiled)]
    internal static void LoadMissed(HartState* h, Op* op, long budget, ulong address, int kind)
    {
        var epoch = h->FlushEpoch;
        var status = SlowAccess.Load(h, op->Rd, address, kind);
        if (status == AccessStatus.Ok)
        {
            Flow.Resume(h, op + 1, budget, epoch);
            return;
        }

        Flow.Fail(h, op, budget, status, GuestAccess.Read);
    }

    /// <summary>A store that found no entry.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void StoreMissed(HartState* h, Op* op, long budget, ulong address, int size)
    {
        var epoch = h->FlushEpoch;
        var status = SlowAccess.Store(h, op->B, address, size);
        if (status == AccessStatus.Ok)
        {
            Flow.Resume(h, op + 1, budget, epoch);
            return;
        }

        Flow.Fail(h, op, budget, status, GuestAccess.Write);
    }

    /// <summary>An atomic (or a block's zeroing) that found no entry: fills it and has the op run again, or raises what is wrong.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void AtomicMissed(HartState* h, Op* op, long budget, ulong address, int size, GuestAccess access)
    {
        var epoch = h->FlushEpoch;
        var prepared = SlowAccess.Prepare(h, op, budget, address, size, access);
        if (prepared >= 0)
            Flow.Resume(h, op + prepared, budget, epoch);
    }

    /// <summary>Goes to <paramref name="pc"/>, through the jump cache if it knows a block there.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Jump(HartState* h, ulong pc, long budget)
    {
        var entry = Flow.JumpEntryOf(h, pc);
        if (entry->Pc == pc && Block.IsCurrent(entry->Block))
        {
            var next = entry->Block;
            var left = Flow.Charge(h, next, budget);
            if (left >= 0)
            {
                h->Page = pc & SoftTlb.PageMask;
                h->Block = next;
                var op = Block.Ops(next);
                op->Run(h, op, left);
                return;
            }
        }

        Flow.LeaveTo(h, pc, budget);
    }

    /// <summary>
    /// Takes an exit of <paramref name="op"/>'s block whose link would not do: still empty, or not to be entered now. Inside the page the
    /// dispatcher fills the link; outside there is none to fill.
    /// </summary>
    [MethodImpl(Flow.Compiled)]
    internal static void LeaveBlock(HartState* h, Op* op, long budget, Block** link)
    {
        long offset = link == &Op.LinksOf(op)->Taken ? op->Imm : h->Block->EndOffset;
        var pc = h->Page + (ulong)offset;
        if ((ulong)offset >= 4096)
        {
            h->Continue.Jump(h, pc, budget);
            return;
        }

        h->LinkSlot = link;
        Flow.LeaveTo(h, pc, budget);
    }
}

/// <summary>The parts of the continuations that need locals with addresses, which a method that ends in a tail call cannot have.</summary>
internal static unsafe class SlowAccess
{
    internal const int Signed = 0x10;
    internal const int Boxed = 0x20;

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static AccessStatus Load(HartState* h, byte rd, ulong address, int kind)
    {
        var size = kind & 0xf;
        var status = h->Hart.Memory.Load(new Gva(address), size, out var bytes);
        if (status == AccessStatus.Ok)
        {
            var unused = 64 - (8 * size);
            HartState.Reg(h, rd) = (kind & Boxed) != 0 ? FloatingPoint.NanBoxing.BoxSingle((uint)bytes)
                : (kind & Signed) != 0 ? (ulong)((long)(bytes << unused) >> unused)
                : bytes;
        }

        return status;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static AccessStatus Store(HartState* h, byte source, ulong address, int size)
        => h->Hart.Memory.Store(new Gva(address), size, HartState.Reg(h, source));

    /// <summary>
    /// Fills the entry for an atomic access. Which op is next, from this one: 0, to run it; 1, when it was done another way; negative after
    /// the fault was raised (or the stop noted).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int Prepare(HartState* h, Op* op, long budget, ulong address, int size, GuestAccess access)
    {
        if ((address & (ulong)(size - 1)) != 0)
        {
            var cause = access == GuestAccess.Read ? ExceptionCause.LoadAddressMisaligned
                : ExceptionCause.StoreAddressMisaligned;
            Flow.Raise(h, op, budget, cause, address);
            return -1;
        }

        var status = h->Hart.Memory.Pointer(new Gva(address), access, out _);
        var tracked = status == AccessStatus.Tracked;
        if (tracked)
            status = h->Hart.Tracked.Run(h, op, budget, address, size);

        if (status == AccessStatus.Ok)
            return tracked ? 1 : 0;

        Flow.Fail(h, op, budget, status, access);
        return -1;
    }
}
