using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The lock classes of gates that production does not have.</summary>
internal static class LabLocks
{
    /// <summary>Held for read from start to end of a blockable notification, for write by a memslot update.</summary>
    public static readonly LockClass MemslotsRwSem = new("memslots_rwsem", WaitContext.Sleep, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.NotifierUpdate,
        HostMemoryLocks.InvalidateRange, HypervisorLockClasses.Srcu);

    /// <summary>The same, spinning, and for every notification.</summary>
    public static readonly LockClass MemslotsRwLock = new("memslots_rwlock", WaitContext.Spin, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.NotifierUpdate,
        HostMemoryLocks.InvalidateRange, HypervisorLockClasses.Srcu);

    /// <summary>A VM's own count of notifications in flight.</summary>
    public static readonly LockClass VmActiveCount = new("vm_mn_invalidate_lock", WaitContext.Spin, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.NotifierUpdate,
        HostMemoryLocks.InvalidateRange, HypervisorLockClasses.Srcu);

    /// <summary>Sleep of the update that waits for that count.</summary>
    public static readonly LockClass VmUpdateWait = new("vm_mn_memslots_update_rcuwait", WaitContext.Sleep, HypervisorLockClasses.SlotsLock, HypervisorLockClasses.SlotsArchLock);

    /// <summary>A device's own lock, taken in its callbacks.</summary>
    public static readonly LockClass DeviceIotlb = new("device_iotlb", WaitContext.Sleep, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.InvalidateRange);

    /// <summary>A lock of the host's that some caller holds around an invalidation, and another takes between start and end.</summary>
    public static readonly LockClass HostPage = new("host_page", WaitContext.Sleep);

    static LabLocks()
    {
        // Held from start to end, these are around whatever the owner of the address space does in between.
        HostMemoryLocks.NotifierSrcu.AlsoNestsIn(HostPage);
        HostMemoryLocks.InvalidateRange.AlsoNestsIn(HostPage);
        HostMemoryLocks.InvalidateGate.AlsoNestsIn(HostPage);
        HypervisorLockClasses.Srcu.AlsoNestsIn(HostPage);
        HypervisorLockClasses.MmuLock.AlsoNestsIn(HostPage);
    }
}
