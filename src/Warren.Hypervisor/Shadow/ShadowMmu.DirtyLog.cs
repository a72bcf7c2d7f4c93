using System.Numerics;
using System.Runtime.CompilerServices;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Shadow;

/// <summary>Dirty logging of shadow pages: take W away, split huge SPTEs before, have them come back afterwards.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>Pages and tables for splits; SlotsLock.</summary>
    private ShadowCache _splits;

    /// <inheritdoc/>
    public override bool TryTopUpSplits(ref TableCache cache) => _splits.TryTopUp(_allocator, _pagePool, _rmapPool);

    /// <inheritdoc/>
    public override void DrainSplits(ref TableCache cache) => _splits.Drain(_allocator, _pagePool, _rmapPool);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // As TdpMmu's.
    public override bool WriteProtectMasked(Memslot slot, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at, bool zapHuge)
    {
        if (!Rmaps.Present) return true;
        var rmaps = slot.Rmaps!;
        var gfn = slot.BaseGfn + offset;
        var room = SpteTable.EntryCount - SpteTable.IndexOf(gfn, 1);
        // Slots start anywhere, so a chunk may reach into a second huge page.
        var low = room >= 64 ? mask : mask & (1UL << room) - 1;
        if (low != 0 && !TrySplitHuge(slot, gfn, zapHuge) || low != mask && !TrySplitHuge(slot, gfn + (ulong)room, zapHuge)) return false;
        for (; mask != 0; mask &= mask - 1) ProtectHead(rmaps.Head(gfn + (ulong)BitOperations.TrailingZeroCount(mask), 1));
        return true;
    }

    /// <inheritdoc/>
    protected override void ProtectSlot(Memslot slot)
    {
        if (!Rmaps.Present) return;
        var rmaps = slot.Rmaps!;
        TableCache unused = default;
        ZapList none = default;
        var work = 0;
        var flush = false;
        var pages = TryTopUpSplits(ref unused);
        _mmuLock.WriteLock();
        for (var gfn = rmaps.NextMapped(slot.BaseGfn, slot.EndGfn, 2); gfn < slot.EndGfn; gfn =
            rmaps.NextMapped(NextGfn(gfn, 2), slot.EndGfn, 2))
        {
            while (!TrySplitHuge(slot, gfn, zapHuge: !pages))
            {
                _mmuLock.WriteUnlock();
                pages = TryTopUpSplits(ref unused);
                _mmuLock.WriteLock();
            }
        }
        for (var gfn = rmaps.NextMapped(slot.BaseGfn, slot.EndGfn, 1); gfn < slot.EndGfn; gfn = rmaps.NextMapped(gfn + 1, slot.EndGfn, 1))
        {
            ProtectHead(rmaps.Head(gfn, 1));
            YieldWrite(ref work, ref flush, ref none);
        }
        _mmuLock.WriteUnlock();
        DrainSplits(ref unused);
    }

    private void ProtectHead(RmapHead* head)
    {
        var at = RmapHead.Iterate(head);
        for (ulong* spte; (spte = at.Next()) != null;)
        {
            var seen = SpteAccess.Read(spte);
            if ((seen.Raw & (Spte.W | Spte.D)) == 0) continue;
            if (seen.Writable) _counters.WriteProtected++;
            SpteAccess.ClearBitsExclusive(spte, Spte.W | Spte.D);
        }
    }

    /// <summary>
    /// Replaces every 2 MiB SPTE over <paramref name="gfn"/> by 512 small ones. What cannot be entered into the reverse maps for want of a
    /// descriptor is left out, and faults in again. mmu_lock held for write; whatever lost its frame is flushed on return.
    /// </summary>
    /// <param name="slot">of the gfn</param>
    /// <param name="gfn">any page of the 2 MiB</param>
    /// <param name="zapHuge">there are no pages to be had: drop huge SPTEs instead</param>
    /// <returns>false when the cache ran out: top it up without the lock, and call again</returns>
    private bool TrySplitHuge(Memslot slot, Gfn gfn, bool zapHuge)
    {
        var head = slot.Rmaps!.Head(gfn, 2);
        var flush = false;
        var done = true;
        // The next one each time: a split takes its SPTE out.
        while (RmapHead.Iterate(head).Next() is var spte && spte != null)
        {
            if (_splits.HasPage)
            {
                Split(slot, head, spte, gfn.AlignDown(SpteTable.PagesPerEntry(2)), ref flush);
                continue;
            }
            if (!zapHuge)
            {
                done = false;
                break;
            }
            ZapHead(head);
            flush = true;
        }
        // Under mmu_lock: a notification that finds nothing to remove does not flush.
        if (flush) _vm.FlushRemoteTlbs();
        return done;
    }

    private void Split(Memslot slot, RmapHead* head, ulong* spte, Gfn first, ref bool flush)
    {
        var page = PageOf(spte);
        var role = ShadowRole.ForDirect(1, page->RightsAt(IndexOf(spte)), slot.AddressSpaceId);
        // Taken out before it is read for the last time, so that no A or D is lost.
        var huge = SpteAccess.Exchange(spte, default);
        head->Remove(spte, _rmapPool);
        ShadowPage* child = null;
        // Nothing new is built below what is obsolete.
        if (!Pages.IsObsolete(page) && (child = Pages.Find(first, role)) == null) child = MakePage(ref _splits, first, role, null);
        if (child == null || !child->ParentPtes.TryAdd(spte, ref _splits.Descriptors))
        {
            flush = true;
            return;
        }
        for (var i = 0; i < SpteTable.EntryCount; i++)
        {
            var small = child->Table + i;
            if (!SpteAccess.Read(small).IsNone) continue;
            if (TryAddRmap(slot, first + (ulong)i, 1, small, ref _splits.Descriptors, ref flush))
                SpteAccess.Exchange(small, huge.SplitPage(i));
            else flush = true;
        }
        SpteAccess.Exchange(spte, Spte.ForTable(child->Table));
        _counters.HugeSplits++;
    }

    /// <summary>
    /// Drops the direct pages of small SPTEs over 2 MiB that the host maps by one huge frame, so that they fault in huge again. Tables of 4
    /// KiB leaves that are the guest's own stay: its pages need not be neighbours.
    /// </summary>
    protected override void RecoverHugePages(Memslot slot)
    {
        if (!Rmaps.Present || !_vm.Options.HugePages) return;
        var pages = SpteTable.PagesPerEntry(2);
        ZapList zapped = default;
        var work = 0;
        var flush = false;
        _mmuLock.WriteLock();
        for (var first = (slot.BaseGfn + (pages - 1)).AlignDown(pages); first + pages <= slot.EndGfn; first += pages)
        {
            for (ShadowPage* page = Pages.FirstInBucket(first), next; page != null; page = next)
            {
                next = page->HashNext;
                var role = page->Role;
                if (page->Gfn != first || !role.Direct || role.Level != 1 || role.AddressSpaceId != slot.AddressSpaceId
                    || Pages.IsObsolete(page))
                {
                    continue;
                }
                if (!HugeAllowed(slot, first) || !IsHugeInHost(slot, first)) break;
                PrepareZap(page, ref zapped);
                _counters.HugeMerges++;
            }
            YieldWrite(ref work, ref flush, ref zapped);
        }
        CommitZap(ref zapped);
        _mmuLock.WriteUnlock();
    }

    /// <summary>
    /// True when the host maps the 2 MiB by one huge frame, and is not about to change that. mmu_lock held; does not sleep.
    /// </summary>
    private bool IsHugeInHost(Memslot slot, Gfn first)
    {
        // Nor may the reference given back here be the last one: the host's own goes only inside an invalidation.
        if (_vm.Invalidation.RetryGfnRange(_vm.Invalidation.Sequence, first, first + SpteTable.PagesPerEntry(2))) return false;
        if (!_vm.Memory.TryFaultPresent(slot.GfnToHva(first), write: false, out var mapping)) return false;
        _pool.Put(mapping.Pfn);
        return mapping.Order >= 9;
    }
}
