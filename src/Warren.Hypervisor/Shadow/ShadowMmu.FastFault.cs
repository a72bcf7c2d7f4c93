namespace Warren.Hypervisor;

/// <summary>The write fault that needs no lock: W was taken away for dirty logging only and may be given back.</summary>
internal sealed unsafe partial class ShadowMmu
{
    private const int FastFaultTries = 4;

    /// <summary>
    /// Gives W back to the leaf of an address when only dirty logging keeps it away, and marks the page. Leaves of direct pages only: their gfn never changes, where one of a guest's table may
    /// stand for another page by the time the exchange succeeds, and the wrong page would be marked. In guest mode, which keeps pages from being freed; waits for nobody.
    /// </summary>
    /// <returns>whether the page is writable now; false says nothing, the fault proper finds out</returns>
    public bool FastPageFaultInGuestMode(Vcpu vcpu, ulong address, GuestMode mode)
    {
        ulong number = address >> VirtualMachine.PageShift;
        ulong* spte = FindLeaf(vcpu.Root, vcpu.RootLevel, number, out Spte seen, out int level);
        if (spte == null || !seen.MmuWritable || !vcpu.Allows(seen.With(Spte.W), GuestAccess.Write, mode)) return false;
        ShadowPage* page = PageOf(spte);
        if (!page->Role.Direct) return false;
        ulong gfn = page->GfnAt(IndexOf(spte), level) + (number & SpteTable.PagesPerEntry(level) - 1);
        int srcu = _vm.Srcu.ReadLock();
        Memslot? slot = _vm.GetMemslots(vcpu.AddressSpaceId).Find(gfn);
        bool done = slot is not null && (slot.Flags & (MemslotFlags.Invalid | MemslotFlags.ReadOnly)) == 0 && TryRestoreWrite(vcpu, slot, gfn, spte);
        _vm.Srcu.ReadUnlock(srcu);
        if (done) vcpu.StatisticsPointer->FaultsFast++;
        return done;
    }

    private bool TryRestoreWrite(Vcpu vcpu, Memslot slot, ulong gfn, ulong* spte)
    {
        bool logged = (slot.Flags & MemslotFlags.LogDirtyPages) != 0;
        for (int i = 0; i < FastFaultTries; i++)
        {
            Spte seen = SpteAccess.Read(spte);
            if (!seen.IsLeaf || !seen.MmuWritable || seen.IsHuge && logged) return false;
            // Someone else was here first, and marks it.
            if (seen.Writable) return true;
            if (!SpteAccess.TryReplace(spte, seen, seen.With(Spte.W | Spte.A | Spte.D))) continue;
            // After W, never before: see SetLeaf.
            if (logged) _vm.DirtyLog.MarkPageDirty(slot, gfn, vcpu);
            return true;
        }
        return false;
    }
}
