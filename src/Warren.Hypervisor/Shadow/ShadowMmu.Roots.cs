using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Roots: shadow pages like any other, which a vCPU starts its walks at. In use, they are never freed, only made invalid.
/// </summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>
    /// The root for what the vCPU's guest has set, brought in step, with a reference for it. An empty table of its own when the guest's
    /// top-level table lies where no memory is: each access then faults, as the guest's walk does, and each entry into guest mode looks
    /// again.
    /// </summary>
    public override SpteTable LoadRoot(Vcpu vcpu)
    {
        if (Rmaps.FirstShadowRoot() is { } error)
        {
            _vm.ReportError(VmErrors.OutOfTables, error);
            return default;
        }
        var guest = vcpu.GuestRoot;
        if (guest.Levels != 0 && PageFormat is null) Atomics.Write(ref _format, vcpu.Engine.PageFormat, this);
        var role = guest.Levels == 0 ? ShadowRole.ForDirect(DirectLevels, ShadowRights.AllButUser, vcpu.AddressSpaceId)
            : ShadowRole.ForTable(guest.Levels, vcpu.AddressSpaceId);
        var srcu = _vm.Srcu.ReadLock();
        var root = TakeRoot(vcpu, guest.Gfn, role);
        if (root.IsNull && !IsTableThere(vcpu.AddressSpaceId, guest.Gfn)) root = Vcpu.NoRoot;
        _vm.Srcu.ReadUnlock(srcu);
        SpinState spin = default;
        if (root.IsNull) Cpu.Relax(ref spin);
        return root;
    }

    private SpteTable TakeRoot(Vcpu vcpu, Gfn gfn, ShadowRole role)
    {
        var flush = false;
        ZapList zapped = default;
        SpteTable root = default;
        _mmuLock.WriteLock();
        MakeRoom(ref zapped);
        var page = GetPage(vcpu, gfn, role, ref zapped, ref flush);
        if (page != null)
        {
            page->RootCount++;
            root = new SpteTable(page->Table);
            _counters.RootsAllocated++;
        }
        SyncAliases(ref flush);
        if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
        CommitZap(ref zapped);
        _mmuLock.WriteUnlock();
        return root;
    }

    /// <summary>
    /// Makes the page of a table present in the host. False: the host cannot back it, or there is no memory; true: it is worth to try
    /// again.
    /// </summary>
    private bool IsTableThere(int addressSpaceId, Gfn gfn)
    {
        var slot = _vm.GetMemslots(addressSpaceId).Find(gfn);
        if (slot is null) return false;
        if (slot.IsInvalid) return true;
        if (_vm.Memory.Fault(slot.GfnToHva(gfn), write: false, out var mapping) != FaultStatus.Ok) return false;
        _pool.Put(mapping.Pfn);
        return true;
    }

    /// <inheritdoc/>
    public override void PutRoot(SpteTable root)
    {
        _mmuLock.WriteLock();
        var page = PageOf(root.Entries);
        // What else led to it went when it was prepared, and was flushed: nobody else can be in it.
        if (--page->RootCount == 0 && page->Role.Invalid) FreePage(page);
        _mmuLock.WriteUnlock();
    }
}
