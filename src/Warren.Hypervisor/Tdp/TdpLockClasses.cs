using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>Lock classes of the tables, the vCPUs and the dirty log; <c>docs/locking.md</c> has a row for each.</summary>
public static class TdpLockClasses
{
    /// <summary>Root list, reference counts of roots, free and retired table pages. Innermost.</summary>
    public static readonly LockClass TdpPagesLock = new("tdp_mmu_pages_lock", WaitContext.Spin, HypervisorLockClasses.MmuLock);

    /// <summary>Walkers of TDP tables outside guest mode and without mmu_lock.</summary>
    public static readonly LockClass TdpSrcu = new("tdp_srcu", WaitContext.Free, HypervisorLockClasses.Srcu, HypervisorLockClasses.SlotsLock, HostMemoryLocks.Disposal);

    /// <summary>One marking of a code frame at a time. vCPUs outside guest mode wait for it; its holder waits for vCPUs in guest mode.</summary>
    public static readonly LockClass CodeMarks = new("code_marks", WaitContext.Sleep);

    /// <summary>
    /// A pseudo-lock: shared by a vCPU in guest mode, taken exclusively by whoever waits for vCPUs to leave it (remote TLB flush), spinning locks held or not. So a vCPU in
    /// guest mode takes only what is never held around such a wait.
    /// </summary>
    public static readonly LockClass GuestMode = new("guest_mode", WaitContext.Free, HypervisorLockClasses.SlotsLock, HypervisorLockClasses.Srcu, HypervisorLockClasses.MmuLock, CodeMarks)
    { HolderContext = WaitContext.Spin };

    static TdpLockClasses()
    {
        HypervisorLockClasses.MmuLock.AlsoNestsIn(CodeMarks);
        // The fast fault looks a memslot up in guest mode. A reader waits for nobody.
        HypervisorLockClasses.Srcu.AlsoNestsIn(GuestMode);
        // A flush from under mmu_lock, with no vCPU in guest mode at the time.
        GuestMode.Prime(HypervisorLockClasses.MmuLock);
    }
}
