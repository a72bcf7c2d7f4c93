using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>Lock classes of the VM itself; <c>docs/locking.md</c> has a row for each.</summary>
internal static class HypervisorLockClasses
{
    /// <summary>One memslot update, dirty-log harvest or zap of everything at a time; held across grace periods, so never taken inside <see cref="Srcu"/>.</summary>
    public static readonly LockClass SlotsLock = new("slots_lock", WaitContext.Sleep);

    /// <summary>Readers of memslots and of what hangs on them. A section may sleep and may nest in any lock that no updater holds while it waits.</summary>
    public static readonly LockClass Srcu = new("kvm_srcu", WaitContext.Sleep, SlotsLock);

    /// <summary>Per-slot data of the MMU, from before the slots are read until the new ones are published; released before the grace period.</summary>
    public static readonly LockClass SlotsArchLock = new("slots_arch_lock", WaitContext.Sleep, SlotsLock, Srcu);

    /// <summary>Stage-2 tables and <see cref="InvalidationState"/>: read by faults, written by zaps and notifications.</summary>
    public static readonly LockClass MmuLock = new("mmu_lock", WaitContext.Spin, SlotsLock, SlotsArchLock, Srcu);

    /// <summary>Who may register devices; lookups take nothing.</summary>
    public static readonly LockClass IoBusLock = new("io_bus_lock", WaitContext.Sleep);
}
