using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Tables that are shadowed are watched: no SPTE lets the guest write to them unnoticed, and every store to them, by whomever, is followed
/// by their shadows.
/// </summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>Tracked writes to one table without a mapping made through it, after which it is taken for a table no more.</summary>
    private const int WriteFloodingThreshold = 3;

    /// <summary>
    /// Starts to watch the table of a new page. What was writable until now is flushed before the table is read. mmu_lock held for write.
    /// </summary>
    private ShadowPage* Account(ShadowPage* page, Memslot slot, ref bool flush)
    {
        var rmaps = slot.Rmaps!;
        rmaps.DisallowHuge(page->Gfn)++;
        if (page->Role.Level > 1) rmaps.WriteTrack(page->Gfn)++;
        if (WriteProtectGfn(slot, page->Gfn) || flush)
        {
            _vm.FlushRemoteTlbs();
            flush = false;
        }
        return page;
    }

    private void Unaccount(ShadowPage* page)
    {
        var rmaps = _vm.GetMemslots(page->Role.AddressSpaceId).Find(page->Gfn)!.Rmaps!;
        rmaps.DisallowHuge(page->Gfn)--;
        if (page->Role.Level > 1) rmaps.WriteTrack(page->Gfn)--;
    }

    /// <summary>
    /// True: no page of the 2 MiB is a table in use. A device may come with the object of a slot that was replaced before the first root
    /// was made: its successor has counts, and it has none; then only the hash can tell.
    /// </summary>
    private bool HoldsNoTable(Memslot slot, Gfn gfn) => !Rmaps.Present || slot.Rmaps is { } rmaps && rmaps.DisallowHuge(gfn) == 0;

    /// <summary>
    /// True when a store to the page must be followed by <see cref="AfterWrite"/>, both in one section of mmu_lock held for write. mmu_lock
    /// held, inside SRCU.
    /// </summary>
    public bool IsShadowed(Memslot slot, Gfn gfn)
    {
        if (HoldsNoTable(slot, gfn)) return false;
        for (var page = Pages.FirstInBucket(gfn); page != null; page = page->HashNext)
        {
            if (page->Gfn == gfn && !page->Role.Direct && page->Role.AddressSpaceId == slot.AddressSpaceId) return true;
        }
        return false;
    }

    /// <summary>
    /// After a store to a page that may hold tables: their shadows follow at once, but for those that are unsync. mmu_lock held for write
    /// since before the store, inside SRCU.
    /// </summary>
    /// <param name="slot">of the page</param>
    /// <param name="gfn">the page</param>
    /// <param name="offset">first byte stored to, 0..4095</param>
    /// <param name="length">bytes stored, inside the page</param>
    /// <param name="byGuest">an instruction of the guest stored: a page that is no longer used as a table is found out so</param>
    public void AfterWrite(Memslot slot, Gfn gfn, int offset, int length, bool byGuest)
    {
        if (HoldsNoTable(slot, gfn)) return;
        ZapList zapped = default;
        var flush = false;
        for (ShadowPage* page = Pages.FirstInBucket(gfn), next; page != null; page = next)
        {
            next = page->HashNext;
            if (page->Gfn != gfn || page->Unsync || page->Role.Direct || page->Role.AddressSpaceId != slot.AddressSpaceId) continue;
            if (byGuest && page->Role.Level > 1 && ++page->WriteFloodingCount >= WriteFloodingThreshold)
            {
                _counters.WriteFloods++;
                PrepareZap(page, ref zapped);
                continue;
            }
            for (var i = offset >> 3; i <= offset + length - 1 >> 3; i++) SyncEntry(page, i, ref flush);
        }
        if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
        CommitZap(ref zapped);
    }

    /// <summary>
    /// Takes away all shadows of the table at a page (<c>kvm_mmu_unprotect_page</c>). Outside guest mode, no spinning lock held.
    /// </summary>
    public void Unprotect(int addressSpaceId, Gfn gfn)
    {
        var srcu = _vm.Srcu.ReadLock();
        _mmuLock.WriteLock();
        ZapList zapped = default;
        ZapTables(addressSpaceId, gfn, ref zapped);
        CommitZap(ref zapped);
        _mmuLock.WriteUnlock();
        _vm.Srcu.ReadUnlock(srcu);
    }

    /// <summary>
    /// For a notification: the tables that lie in [<paramref name="start"/>, <paramref name="end"/>) may be other memory afterwards, so
    /// what was made from them goes. mmu_lock held for write, the invalidation counted: until it ends no shadow of them is made again.
    /// </summary>
    internal void ZapTablesInRange(Memslot slot, Gfn start, Gfn end, ref ZapList zapped)
    {
        var rmaps = slot.Rmaps!;
        for (var gfn = start; gfn < end;)
        {
            var next = Gfn.Min(end, gfn.NextMultiple(SpteTable.EntryCount));
            for (; gfn < next && rmaps.DisallowHuge(gfn) != 0; gfn++) ZapTables(slot.AddressSpaceId, gfn, ref zapped);
            gfn = next;
        }
    }

    private void ZapTables(int addressSpaceId, Gfn gfn, ref ZapList zapped)
    {
        for (ShadowPage* page = Pages.FirstInBucket(gfn), next; page != null; page = next)
        {
            next = page->HashNext;
            if (page->Gfn == gfn && !page->Role.Direct && page->Role.AddressSpaceId == addressSpaceId) PrepareZap(page, ref zapped);
        }
    }
}
