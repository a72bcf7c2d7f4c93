using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>Lock classes of a VM: its slots, its tables, its vCPUs; <c>docs/locking.md</c> has a row for each.</summary>
public static class HypervisorLocks
{
    /// <summary>
    /// One memslot update or dirty-log harvest at a time; held across grace periods, so never taken inside <see cref="Srcu"/>.
    /// </summary>
    public static readonly LockClass SlotsLock = new("slots_lock", WaitContext.Sleep);

    /// <summary>
    /// Readers of memslots and of what hangs on them. A section may sleep, and may begin under any lock that no updater waits for.
    /// </summary>
    public static readonly LockClass Srcu =
        new("kvm_srcu", WaitContext.Free, SlotsLock, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu, HostMemoryLocks.InvalidateRange);

    /// <summary>
    /// The MMU's data per slot, from before it is looked at until the new slots are published; released before the grace period.
    /// </summary>
    public static readonly LockClass SlotsArchLock = new("slots_arch_lock", WaitContext.Sleep, SlotsLock, Srcu);

    /// <summary>Stage-2 tables and <see cref="InvalidationState"/>: read by faults, written by zaps and notifications.</summary>
    public static readonly LockClass MmuLock =
        new("mmu_lock", WaitContext.Spin, SlotsLock, SlotsArchLock, Srcu, HostMemoryLocks.Mmap, HostMemoryLocks.NotifierSrcu,
            HostMemoryLocks.NotifierUpdate, HostMemoryLocks.InvalidateRange);

    /// <summary>One registration of a device at a time; lookups take nothing.</summary>
    public static readonly LockClass IoBusLock = new("io_bus_lock", WaitContext.Sleep);

    /// <summary>Root list, reference counts of roots, free and retired table pages, free descriptors of reverse maps. Innermost.</summary>
    public static readonly LockClass MmuPagesLock = new("tdp_mmu_pages_lock", WaitContext.Spin, MmuLock);

    /// <summary>Walkers of TDP tables outside guest mode and without mmu_lock.</summary>
    public static readonly LockClass TdpSrcu = new("tdp_srcu", WaitContext.Free, Srcu, SlotsLock, HostMemoryLocks.Disposal);

    /// <summary>
    /// One marking of a code frame at a time. vCPUs outside guest mode wait for it; its holder waits for vCPUs in guest mode.
    /// </summary>
    public static readonly LockClass CodeMarks = new("code_marks", WaitContext.Sleep);

    /// <summary>
    /// A pseudo-lock: shared by a vCPU in guest mode, taken exclusively by whoever waits for vCPUs to leave it (remote TLB flush), spinning
    /// locks held or not. So a vCPU in guest mode takes only what is never held around such a wait.
    /// </summary>
    public static readonly LockClass GuestMode = new("guest_mode", WaitContext.Free, SlotsLock, Srcu, MmuLock, CodeMarks)
    { HolderContext = WaitContext.Spin };

    static HypervisorLocks()
    {
        // Faults and devices reach host memory from inside a read section.
        HostMemoryLocks.Mmap.AlsoNestsIn(Srcu, SlotsLock);
        Srcu.AlsoNestsIn(HostMemoryLocks.NonBlockable);
        HostMemoryLocks.IdleUpdate.AlsoNestsIn(SlotsLock, SlotsArchLock);
        HostMemoryLocks.NotifierUpdate.AlsoNestsIn(SlotsLock, SlotsArchLock);
        HostMemoryLocks.InvalidateLock.AlsoNestsIn(MmuLock, Srcu);
        // A joining update publishes under it.
        MmuLock.AlsoNestsIn(HostMemoryLocks.NotifierUpdate, HostMemoryLocks.NonBlockable);
        // A notification may be the first one to come only under pressure; what it takes is known beforehand.
        MmuLock.Prime(HostMemoryLocks.InvalidateRange);
        Srcu.Prime(HostMemoryLocks.InvalidateRange, waiter: LockMode.Shared);
        // Updates wait for readers, and for notifications, with the slots' locks held.
        SlotsArchLock.Prime(SlotsLock);
        Srcu.Prime(SlotsLock);
        Srcu.Prime(HostMemoryLocks.Disposal);
        HostMemoryLocks.NotifierUpdate.Prime(SlotsArchLock);
        HostMemoryLocks.InFlight.Prime(SlotsArchLock);
        MmuLock.AlsoNestsIn(CodeMarks);
        // The fast fault looks a memslot up in guest mode. A reader waits for nobody.
        Srcu.AlsoNestsIn(GuestMode);
        // A flush from under mmu_lock, with no vCPU in guest mode at the time.
        GuestMode.Prime(MmuLock);
    }
}
