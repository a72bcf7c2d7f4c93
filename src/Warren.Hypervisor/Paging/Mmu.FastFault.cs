using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// The write fault that needs no lock (<c>fast_page_fault</c>): W was taken away for dirty logging only and may be given back.
/// </summary>
internal abstract unsafe partial class Mmu
{
    private const int FastFaultTries = 4;

    /// <summary>
    /// Gives W back to the leaf of an address when only dirty logging keeps it away, and marks the page. Without leaving guest mode, which
    /// protects the walk: a flush that takes W away waits for this vCPU, and so does whoever frees a table. Nothing here waits for anybody.
    /// </summary>
    /// <returns>whether the page is writable now; false says nothing, the fault proper finds out</returns>
    public bool FastFaultInGuestMode(ref PageFault fault)
    {
        var spte = FindMmuWritable(ref fault);
        if (spte == null) return false;
        var srcu = _vm.Srcu.ReadLock();
        var slot = fault.Slot = _vm.GetMemslots(fault.Vcpu.AddressSpaceId).Find(fault.Gfn);
        var done = slot is not null && (slot.Flags & (MemslotFlags.Invalid | MemslotFlags.ReadOnly)) == 0
            && TryRestoreWrite(ref fault, spte);
        _vm.Srcu.ReadUnlock(srcu);
        if (done) fault.Statistics->FaultsFast++;
        return done;
    }

    /// <summary>The leaf of the address, and its gfn; null unless the leaf may get W back without a lock. In guest mode.</summary>
    protected abstract ulong* FindMmuWritable(ref PageFault fault);

    /// <summary>
    /// The compare-exchange covers the whole entry, so a leaf that was removed and set up again meanwhile is either the same mapping with
    /// the same rights or loses. Inside SRCU, and inside what keeps the entry's table from being freed.
    /// </summary>
    /// <param name="fault">its slot is valid and writable</param>
    /// <param name="spte">an entry that maps no other gfn than the fault's for as long as it is a leaf</param>
    protected bool TryRestoreWrite(ref PageFault fault, ulong* spte)
    {
        var slot = fault.Slot!;
        var logged = slot.LogsDirtyPages;
        for (var i = 0; i < FastFaultTries; i++)
        {
            var seen = SpteAccess.Read(spte);
            if (!seen.IsLeaf || !seen.MmuWritable || seen.IsHuge && logged) return false;
            // Someone else was here first, and marks it.
            if (seen.Writable) return true;
            if (!SpteAccess.TryReplace(spte, seen, seen.With(Spte.W | Spte.A | Spte.D))) continue;
            // After W, never before: a harvest in between would take the mark and leave the page writable and unlogged.
            if (logged) _vm.DirtyLog.MarkPageDirty(slot, fault.Gfn, fault.Vcpu);
            return true;
        }
        return false;
    }
}
