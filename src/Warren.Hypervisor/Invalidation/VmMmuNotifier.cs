using Warren.HostMemory;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tracing;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// A VM's half of the notifications of its <see cref="AddressSpace"/> (<c>kvm_mmu_notifier_ops</c>). It is called only for ranges that hit
/// one of the VM's slots; any other range costs the VM nothing.
/// </summary>
/// <remarks>
/// Called with whatever locks the caller of the host-memory change holds. Nothing here sleeps; in a blockable range the zap may drop
/// mmu_lock for those who wait. What start and end do to the VM, and how they stay agreed while slots change, is the gate's
/// (<see cref="InvalidationGate"/>).
/// </remarks>
internal sealed class VmMmuNotifier(VirtualMachine vm) : MmuNotifier
{
    public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.UnmapHvaRange(range);
        var srcu = vm.Srcu.ReadLock();
        vm.Gate.Start(range, regions);
        vm.Srcu.ReadUnlock(srcu);
        return true;
    }

    public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        var srcu = vm.Srcu.ReadLock();
        vm.Gate.End(range, regions);
        vm.Srcu.ReadUnlock(srcu);
    }

    public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        var young = Age(range, regions, clear: true);
        if (young) vm.FlushRemoteTlbs();
        return young;
    }

    public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Age(range, regions, clear: true);

    public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Age(range, regions, clear: false);

    /// <summary>
    /// The address space goes away, or this subscription does: nothing of it may stay mapped (<c>kvm_flush_shadow_all</c>).
    /// </summary>
    public override void Release()
    {
        var srcu = vm.Srcu.ReadLock();
        for (var i = 0; i < vm.Options.AddressSpaces; i++) vm.ZapGfnRange(i, default, VirtualMachine.EndGfn);
        vm.Srcu.ReadUnlock(srcu);
    }

    /// <summary>Aging is no invalidation: counts and sequence stay, and the MMU takes what locks it needs.</summary>
    private bool Age(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions, bool clear)
    {
        if (KvmEvents.Log.IsEnabled()) Trace(range, clear);
        var srcu = vm.Srcu.ReadLock();
        var young = false;
        foreach (var region in regions)
        {
            var slot = (Memslot)region;
            var (start, end) = slot.HvaRangeToGfns(range.Start, range.End);
            young |= vm.Mmu.AgeGfnRange(slot.AddressSpaceId, start, end, clear);
            if (young && !clear) break;
        }
        vm.Srcu.ReadUnlock(srcu);
        return young;
    }

    private static void Trace(in MmuNotifierRange range, bool clear)
    {
        if (clear) KvmEvents.Log.AgeHva(range);
        else KvmEvents.Log.TestAgeHva(range);
    }
}
