using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>The lock classes of this layer; <c>docs/locking.md</c> has a row for each.</summary>
public static class HostMemoryLocks
{
    /// <summary>An address space's VMAs (mmap_lock): read by faults and discards, written by map, unmap and protect.</summary>
    public static readonly LockClass Mmap = new("mmap_lock", WaitContext.Sleep);

    /// <summary>One updater at a time that waits for no invalidation to be in flight.</summary>
    public static readonly LockClass IdleUpdate = new("idle_update", WaitContext.Sleep);

    /// <summary>One updater of the notifier index at a time; nobody waits for a notification while holding it.</summary>
    public static readonly LockClass NotifierUpdate = new("notifier_update", WaitContext.Sleep, IdleUpdate);

    /// <summary>Callbacks of notifiers run inside; unregistering waits for them.</summary>
    public static readonly LockClass NotifierSrcu = new("notifier_srcu", WaitContext.Free, Mmap);

    /// <summary>Pseudo-lock around each call into notifiers (mmu_notifier_invalidate_range_start_map).</summary>
    public static readonly LockClass InvalidateRange = new("invalidate_range", WaitContext.Free, Mmap, NotifierSrcu);

    /// <summary>The list of invalidations in flight and whom each has entered; a leaf (mn_invalidate_lock).</summary>
    public static readonly LockClass InvalidateGate = new("mn_invalidate_lock", WaitContext.Spin, Mmap, NotifierUpdate, NotifierSrcu, InvalidateRange);

    /// <summary>The updater's sleep until no invalidation is in flight (mn_memslots_update_rcuwait).</summary>
    public static readonly LockClass UpdateWait = new("mn_memslots_update_rcuwait", WaitContext.Sleep, IdleUpdate);

    /// <summary>The free lists of a frame pool; a leaf that anything may hold on the way here.</summary>
    public static readonly LockClass FramePool = new("frame_pool", WaitContext.Spin, Mmap);

    /// <summary>The table of open files and their page arrays.</summary>
    public static readonly LockClass FileTable = new("file_table", WaitContext.Sleep, Mmap);
}
