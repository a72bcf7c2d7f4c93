using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// One subscriber to the changes of an address space: one per VM (struct mmu_notifier of KVM). Callbacks run on the changing thread, inside
/// an SRCU read section of the address space, usually with its mmap lock held: they must not call back into the address space, not update
/// regions, not unregister, and not throw. The regions passed are this notifier's, sorted by address.
/// </summary>
/// <remarks>
/// A region passed may have left the index since it was looked up, where its owner's updates do not wait for notifications: of it only what
/// never changes may be used, its range and what follows from that. What is freed with a region (bitmaps, reverse maps) the owner finds
/// through what it has published, inside a read section of its own.
/// </remarks>
public abstract class MmuNotifier
{
    internal const int Unregistered = 0;
    internal const int Live = 1;
    internal const int Releasing = 2;
    internal const int Dead = 3;

    private static long s_lastId;
    private int _state;

    internal long Id { get; } = Interlocked.Increment(ref s_lastId);

    internal int State => Atomics.Read(ref _state, this);

    /// <summary>True when it may be called: registered, and not past its release.</summary>
    internal bool IsCalled => State is Live or Releasing;

    /// <summary>
    /// The range is about to change. On return no secondary mapping (SPTE, TLB, pinned pointer) of it exists, and none comes to
    /// exist until the end. False only if the range is not blockable: refused, nothing was done, no end follows.
    /// </summary>
    public abstract bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    /// <summary>
    /// The change is done. The regions equal those of the start; none when an update entered it (<see cref="RegionUpdate.Join"/>) and no
    /// start did.
    /// </summary>
    public abstract void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    /// <summary>True when the range was accessed through secondary mappings; clears the marks and flushes TLBs that cache them.</summary>
    public abstract bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    /// <summary>The same without the flush: later accesses may go unnoticed while a TLB holds the translation.</summary>
    public abstract bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    public abstract bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    /// <summary>
    /// Called exactly once: by unregistering, or when the address space goes away, whichever is first. Every secondary
    /// mapping must be gone on return; no region of this notifier is notified afterwards.
    /// </summary>
    public virtual void Release()
    {
    }

    internal bool Transition(int from, int to) => Atomics.CompareExchange(ref _state, to, from, this) == from;
}
