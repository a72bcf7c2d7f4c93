using System.Diagnostics;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Pages that may differ from the guest's tables, and how they are brought in step again. As with a TLB, what the guest wrote to a table
/// counts at its next fence; tables of level 1, which are written most, may be unsync for that long.
/// </summary>
/// <remarks>
/// A page is marked before the guest can write to its table, with mmu_lock held for write, and a fence looks without it: whoever fences
/// after a write, on whatever vCPU, finds the mark.
/// </remarks>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>Unsync pages handled behind one flush.</summary>
    private const int SyncBatch = 16;

    /// <summary>
    /// True when an SPTE may make the page writable (<c>mmu_try_to_unsync_pages</c>): not if it holds a table in use, except of level 1,
    /// whose shadow is then unsync if <paramref name="write"/> says that the guest is about to write. mmu_lock held for write. False: its
    /// table must stay write-protected.
    /// </summary>
    private bool TryUnsync(Memslot slot, Gfn gfn, bool write)
    {
        var rmaps = slot.Rmaps!;
        if (rmaps.WriteTrack(gfn) != 0) return false;
        // Each table in use, of whatever level, forbids the 2 MiB around it to be mapped huge.
        if (rmaps.DisallowHuge(gfn) == 0) return true;
        for (var page = Pages.FirstInBucket(gfn); page != null; page = page->HashNext)
        {
            if (page->Gfn != gfn || page->Unsync || page->Role.Direct || page->Role.AddressSpaceId != slot.AddressSpaceId
                || Pages.IsObsolete(page))
            {
                continue;
            }
            Debug.Assert(page->Role.Level == 1);
            if (!write) return false;
            page->Unsync = true;
            _counters.UnsyncMarked++;
            UnsyncMarks.MarkParents(page);
        }
        return true;
    }

    /// <summary>The guest's fence: brings all below the vCPU's root in step. Outside guest mode.</summary>
    public void SyncRoot(Vcpu vcpu)
    {
        var srcu = _vm.Srcu.ReadLock();
        var done = false;
        while (!done)
        {
            _mmuLock.WriteLock();
            var flush = false;
            // An obsolete root is about to be replaced by one in step.
            done = vcpu.HasNoRoot || IsObsolete(vcpu.Root) || SyncTree(PageOf(vcpu.Root.Entries), ref flush);
            if (done) SyncAliases(ref flush);
            if (flush) _vm.FlushRemoteTlbs();
            _mmuLock.WriteUnlock();
        }
        _vm.Srcu.ReadUnlock(srcu);
    }

    /// <summary>
    /// True when a fence has anything to do; no lock. An obsolete root is left at a fence: what other vCPUs write to the guest's tables is
    /// no longer noticed for it.
    /// </summary>
    public bool NeedsSync(SpteTable root) => PageOf(root.Entries)->MayDiffer || IsObsolete(root) || IsAliased;

    /// <summary>
    /// Brings a page and all below it in step. Their tables are write-protected first, so that what is read is what will be noticed to
    /// change. mmu_lock held for write, inside SRCU.
    /// </summary>
    /// <param name="page">any page</param>
    /// <param name="flush">set when remote TLBs must be flushed before mmu_lock is dropped</param>
    /// <returns>false: more is to be done, but others wait for mmu_lock</returns>
    private bool SyncTree(ShadowPage* page, ref bool flush)
    {
        if (!page->MayDiffer) return true;
        var batch = stackalloc ShadowPage*[SyncBatch];
        for (; ; )
        {
            var count = 0;
            UnsyncMarks.Collect(page, batch, SyncBatch, ref count);
            var writable = flush;
            for (var i = 0; i < count; i++)
            {
                var unsync = batch[i];
                var slot = _vm.GetMemslots(unsync->Role.AddressSpaceId).Find(unsync->Gfn)!;
                writable |= WriteProtectGfn(slot, unsync->Gfn);
            }
            // Before anything is read: a store through a stale TLB entry must come before, too.
            if (writable) _vm.FlushRemoteTlbs();
            flush = false;
            for (var i = 0; i < count; i++)
            {
                var unsync = batch[i];
                if (!unsync->Unsync) continue;
                SyncPage(unsync, ref flush);
                unsync->Unsync = false;
                UnsyncMarks.ClearParents(unsync);
                _counters.PagesSynced++;
            }
            if (!page->MayDiffer) return true;
            if (_mmuLock.IsContended) return false;
        }
    }

    private void SyncPage(ShadowPage* page, ref bool flush)
    {
        for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
            SyncEntry(page, i, ref flush);
    }

    /// <summary>
    /// Makes one SPTE allow no more than the guest's entry does now. What the entry allows beyond is left to faults, which see to reverse
    /// maps, logging and write tracking. mmu_lock held for write.
    /// </summary>
    private void SyncEntry(ShadowPage* page, int index, ref bool flush)
    {
        var spte = page->Table + index;
        var seen = SpteAccess.Read(spte);
        if (seen.IsNone) return;
        var role = page->Role;
        var pte = PageFormat!.Decode(Atomics.Read(ref page->GuestTable[index]), role.Level, index);
        var maps = pte.IsPresent && (pte.IsLeaf ? pte.Accessed : role.Level > 1);
        if (seen.IsTable)
        {
            var child = PageOf(seen.Table);
            var below = pte.IsLeaf ? ShadowRights.DirectRole(role.Level - 1, pte, role.AddressSpaceId)
                : ShadowRole.ForTable(role.Level - 1, role.AddressSpaceId);
            if (maps && child->Gfn == pte.Gfn && child->Role == below) return;
        }
        else if (maps && pte.IsLeaf && page->GfnAt(index, role.Level) == pte.Gfn)
        {
            var rights = ShadowRights.Effective(pte);
            var had = page->RightsAt(index);
            if (rights == had) return;
            if (((rights ^ had) & GuestRights.User) == 0)
            {
                page->Gfns[index] = pte.Gfn.Value << 12 | (uint)rights;
                var lost = ShadowRights.SpteBits(had & ~rights);
                if ((lost & Spte.W) != 0) lost |= Spte.MmuWritableBit;
                var gained = ShadowRights.SpteBits(rights & ~had & ~GuestRights.Write);
                if (lost != 0) SpteAccess.ClearBitsExclusive(spte, lost);
                if (gained != 0) SpteAccess.SetBitsExclusive(spte, gained);
                flush |= lost != 0;
                return;
            }
        }
        flush |= DropSpte(page, index);
    }

    /// <summary>
    /// Entries of a table that may stand for one leaf of the guest (Svnapot), aligned: a fence for an address of any is one for all.
    /// </summary>
    private const int LeafEntries = 16;

    /// <summary>
    /// The guest's fence for one address: its SPTE, and those that may belong to the same leaf of the guest, are brought in step if their
    /// page is unsync, which it stays. Outside guest mode.
    /// </summary>
    public void SyncAddress(Vcpu vcpu, Gva address)
    {
        var srcu = _vm.Srcu.ReadLock();
        _mmuLock.WriteLock();
        var flush = false;
        var spte = vcpu.HasNoRoot || IsObsolete(vcpu.Root) ? null : UnsyncMarks.FindEntry(vcpu, address);
        if (spte != null)
        {
            var page = PageOf(spte);
            var first = IndexOf(spte) & ~(LeafEntries - 1);
            for (var i = first; i < first + LeafEntries; i++) SyncEntry(page, i, ref flush);
            if (flush) _vm.FlushRemoteTlbsExcept(UnsyncMarks.Ways(page, vcpu.Root) == 1 ? vcpu : null);
        }
        var others = false;
        SyncAliases(ref others);
        if (others) _vm.FlushRemoteTlbs();
        _mmuLock.WriteUnlock();
        _vm.Srcu.ReadUnlock(srcu);
    }

    /// <summary>True when a fence for the address has anything to do. In guest mode; no lock.</summary>
    public bool NeedsSync(Vcpu vcpu, Gva address)
    {
        if (!vcpu.HasNoRoot && IsObsolete(vcpu.Root) || IsAliased) return true;
        var spte = UnsyncMarks.FindEntry(vcpu, address);
        if (spte == null) return false;
        spte -= IndexOf(spte) & LeafEntries - 1;
        for (var i = 0; i < LeafEntries; i++)
        {
            if (!SpteAccess.Read(spte + i).IsNone) return true;
        }
        return false;
    }

    /// <summary>The debt of a fence in a VM with aliases. mmu_lock held for write, inside SRCU.</summary>
    private void SyncAliases(ref bool flush)
    {
        if (!_aliases.Exist) return;
        for (var page = Pages.Newest; page != null && !Pages.IsObsolete(page); page = page->Older)
        {
            if (!page->Role.Direct) SyncPage(page, ref flush);
        }
    }
}
