using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The lock classes of gates that production does not have.</summary>
internal static class LabLocks
{
    /// <summary>Held for read from start to end of a blockable notification, for write by a memslot update.</summary>
    public static readonly LockClass MemslotsRwSem =
        new("memslots_rwsem", WaitContext.Sleep, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.NotifierUpdate,
        HostMemoryLocks.InvalidateRange, HostMemoryLocks.InFlight, HostMemoryLocks.NonBlockable, HypervisorLocks.Srcu);

    /// <summary>The same, spinning, and for every notification.</summary>
    public static readonly LockClass MemslotsRwLock =
        new("memslots_rwlock", WaitContext.Spin, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.NotifierUpdate,
        HostMemoryLocks.InvalidateRange, HostMemoryLocks.InFlight, HostMemoryLocks.NonBlockable, HypervisorLocks.Srcu);

    /// <summary>A VM's own count of notifications in flight.</summary>
    public static readonly LockClass VmActiveCount =
        new("vm_mn_invalidate_lock", WaitContext.Spin, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.NotifierUpdate,
        HostMemoryLocks.InvalidateRange, HostMemoryLocks.InFlight, HostMemoryLocks.NonBlockable, HypervisorLocks.Srcu);

    /// <summary>Sleep of the update that waits for that count.</summary>
    public static readonly LockClass VmUpdateWait =
        new("vm_mn_memslots_update_rcuwait", WaitContext.Sleep, HypervisorLocks.SlotsLock, HypervisorLocks.SlotsArchLock);

    /// <summary>A device's own lock, taken in its callbacks.</summary>
    public static readonly LockClass DeviceIotlb =
        new("device_iotlb", WaitContext.Sleep, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.InvalidateRange,
            HostMemoryLocks.InFlight, HostMemoryLocks.NonBlockable);

    static LabLocks()
    {
        // Held from start to end, these two are around whatever the owner of the address space and other subscribers do in between. All of
        // that is allowed here, so that what is reported is what is wrong with it: the circle, and the sleep.
        foreach (var inner in (LockClass[])[HostMemoryLocks.NotifierSrcu, HostMemoryLocks.InvalidateRange, HostMemoryLocks.InvalidateLock,
            HostMemoryLocks.FramePool,
            HostMemoryLocks.FileTable, HypervisorLocks.Srcu, HypervisorLocks.MmuLock, HypervisorLocks.MmuPagesLock,
            HypervisorLocks.GuestMode, HypervisorLocks.TdpSrcu, HostMemoryLocks.InFlight, HostMemoryLocks.NonBlockable,
            HostMemoryLocks.Reclaim, DeviceIotlb])
        {
            inner.AlsoNestsIn(MemslotsRwSem, MemslotsRwLock);
        }
    }
}
