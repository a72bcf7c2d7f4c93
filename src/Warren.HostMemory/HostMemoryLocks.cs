using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>The lock classes of this layer; <c>docs/locking.md</c> has a row for each.</summary>
public static class HostMemoryLocks
{
    /// <summary>
    /// An address space's VMAs (mmap_lock): read by faults and discards, written by map, unmap and protect. Faults read files under it.
    /// </summary>
    public static readonly LockClass Mmap = new("mmap_lock", WaitContext.Sleep) { HolderContext = WaitContext.Block };

    /// <summary>The table of open files and their page arrays. Frees pages, which may give memory back to the host.</summary>
    public static readonly LockClass FileTable = new("file_table", WaitContext.Sleep, Mmap) { HolderContext = WaitContext.Block };

    /// <summary>One updater at a time that waits until no invalidation is in flight.</summary>
    public static readonly LockClass IdleUpdate = new("idle_update", WaitContext.Sleep);

    /// <summary>One updater of the notifier index at a time; nobody waits for a notification while holding it.</summary>
    public static readonly LockClass NotifierUpdate = new("notifier_update", WaitContext.Sleep, IdleUpdate);

    /// <summary>
    /// Pseudo-lock: an allocation of frames that may have to take them from someone first (fs_reclaim). No lock that an invalidation needs
    /// may be held.
    /// </summary>
    public static readonly LockClass Reclaim = new("may_reclaim", WaitContext.Sleep, Mmap) { HolderContext = WaitContext.Block };

    /// <summary>
    /// Pseudo-lock: shared by invalidations from start to end; an updater that waits until none is in flight takes it exclusively (what the
    /// waker of <see cref="UpdateRcuwait"/> holds).
    /// </summary>
    public static readonly LockClass InFlight = new("mn_active_invalidate_count", WaitContext.Free, Mmap, IdleUpdate);

    /// <summary>Pseudo-lock around each call into notifiers (mmu_notifier_invalidate_range_start_map).</summary>
    public static readonly LockClass InvalidateRange = new("invalidate_range", WaitContext.Free, Mmap, InFlight);

    /// <summary>Pseudo-lock: in a notification that must not sleep (non_block_start).</summary>
    public static readonly LockClass NonBlockable =
        new("non_blockable", WaitContext.Free, Mmap, InFlight, InvalidateRange) { HolderContext = WaitContext.Spin };

    /// <summary>Callbacks of notifiers run inside; unregistering waits for them.</summary>
    public static readonly LockClass NotifierSrcu = new("notifier_srcu", WaitContext.Free, Mmap, InFlight, InvalidateRange, NonBlockable);

    /// <summary>The list of invalidations in flight and whom each has entered; a leaf (mn_invalidate_lock).</summary>
    public static readonly LockClass InvalidateLock =
        new("mn_invalidate_lock", WaitContext.Spin, Mmap, NotifierUpdate, InFlight, InvalidateRange, NonBlockable, NotifierSrcu);

    /// <summary>The updater's sleep until no invalidation is in flight (mn_memslots_update_rcuwait).</summary>
    public static readonly LockClass UpdateRcuwait = new("mn_memslots_update_rcuwait", WaitContext.Sleep, IdleUpdate);

    /// <summary>The free lists of a frame pool; a leaf.</summary>
    public static readonly LockClass FramePool = new("frame_pool", WaitContext.Spin, Mmap, FileTable, Reclaim, InFlight);

    /// <summary>
    /// Pseudo-lock: in the disposal of an address space or of something that uses one, which waits for callbacks and readers. Disposals
    /// nest.
    /// </summary>
    public static readonly LockClass Disposal = new("disposal", WaitContext.Sleep) { HolderContext = WaitContext.Block };

    static HostMemoryLocks()
    {
        Disposal.AlsoNestsIn(Disposal);
        // Between a start and its end, though not in a callback, other changes may be made, and subscribers may go.
        Mmap.AlsoNestsIn(InFlight);
        NotifierUpdate.AlsoNestsIn(InFlight);
        // Unmapping the last mapping of a file lets go of the file.
        FileTable.AlsoNestsIn(InFlight);
        // As the kernel does: reclaim by way of a reverse map notifies, holding no mmap_lock. Rare here, and ordered from the start.
        InFlight.Prime(Reclaim, waiter: LockMode.Shared);
        InvalidateRange.Prime(Reclaim);
        NotifierSrcu.Prime(InvalidateRange, waiter: LockMode.Shared);
        NotifierUpdate.Prime(Disposal);
        NotifierSrcu.Prime(Disposal);
        Mmap.Prime(Disposal);
    }
}
