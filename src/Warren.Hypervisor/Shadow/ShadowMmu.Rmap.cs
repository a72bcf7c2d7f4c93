using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>Operations on all SPTEs of a gfn, found through the reverse maps: notifications, aging, write protection.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>Heads a walk that may yield handles between two looks at who waits for mmu_lock.</summary>
    private const int YieldInterval = 64;

    /// <inheritdoc/>
    public override bool UnmapGfnRange(int addressSpaceId, Gfn start, Gfn end, bool mayBlock)
    {
        // Before the first root there is no SPTE, and slots have nothing to look through.
        if (!Rmaps.Present) return false;
        var flush = false;
        var work = 0;
        ZapList zapped = default;
        // Slots may change while mmu_lock is dropped. One that comes has no SPTE in the range, which is being invalidated; one that goes
        // takes its SPTEs along, and its rmaps stay for as long as the caller is inside SRCU.
        var slots = _vm.GetMemslots(addressSpaceId).Tree.From(start);
        while (slots.MoveNext())
        {
            var slot = slots.Current;
            if (slot.BaseGfn >= end) break;
            if (slot.EndGfn <= start) continue;
            var rmaps = slot.Rmaps!;
            var first = Gfn.Max(start, slot.BaseGfn);
            var last = Gfn.Min(end, slot.EndGfn);
            // What was made from tables in the range goes, too: they may be other memory afterwards.
            for (var huge = first; huge < last; huge = NextGfn(huge, 2))
            {
                if (rmaps.DisallowHuge(huge) == 0) continue;
                ZapTablesInRange(slot, huge, Gfn.Min(last, NextGfn(huge, 2)), ref zapped);
                // Much more work than a head.
                work = YieldInterval - 1;
                if (mayBlock) YieldWrite(ref work, ref flush, ref zapped);
            }
            for (var level = SlotRmaps.Levels; level >= 1; level--)
            {
                for (var gfn = rmaps.NextMapped(first, last, level); gfn < last; gfn = rmaps.NextMapped(NextGfn(gfn, level), last, level))
                {
                    _counters.SptesUnmapped += ZapHead(rmaps.Head(gfn, level));
                    flush = true;
                    if (mayBlock) YieldWrite(ref work, ref flush, ref zapped);
                }
            }
        }
        if (zapped.IsEmpty) return flush;
        CommitZap(ref zapped);
        return false;
    }

    /// <inheritdoc/>
    public override bool AgeGfnRange(int addressSpaceId, Gfn start, Gfn end, bool clear)
    {
        if (!Rmaps.Present) return false;
        var young = false;
        var work = 0;
        // Reverse maps change with the lock held for write only.
        _mmuLock.ReadLock();
        var slots = _vm.GetMemslots(addressSpaceId).Tree.From(start);
        while ((clear || !young) && slots.MoveNext())
        {
            var slot = slots.Current;
            if (slot.BaseGfn >= end) break;
            if (slot.EndGfn <= start) continue;
            var rmaps = slot.Rmaps!;
            var first = Gfn.Max(start, slot.BaseGfn);
            var last = Gfn.Min(end, slot.EndGfn);
            for (var level = 1; level <= SlotRmaps.Levels; level++)
            {
                for (var gfn = rmaps.NextMapped(first, last, level); gfn < last && (clear || !young); gfn =
                    rmaps.NextMapped(NextGfn(gfn, level), last, level))
                {
                    young |= AgeHead(rmaps.Head(gfn, level), clear);
                    if (++work % YieldInterval != 0 || !_mmuLock.IsContended) continue;
                    _mmuLock.ReadUnlock();
                    _counters.Yields++;
                    _mmuLock.ReadLock();
                }
            }
        }
        _mmuLock.ReadUnlock();
        return young;
    }

    /// <summary>
    /// Enters an SPTE that was just set into the reverse map of its gfn. A gfn that very many SPTEs map loses them all first: walks over
    /// them would hold mmu_lock too long (KVM recycles alike). mmu_lock held for write.
    /// </summary>
    /// <param name="slot">the slot of the gfn</param>
    /// <param name="gfn">what the SPTE maps, the first page when huge</param>
    /// <param name="level">1 or 2</param>
    /// <param name="spte">its address</param>
    /// <param name="cache">descriptors; the caller has filled it up before it took the lock</param>
    /// <param name="flush">set when others lost the page: flush before mmu_lock is dropped</param>
    /// <returns>false when the cache is empty and a descriptor is needed: then nothing was added</returns>
    internal bool TryAddRmap(Memslot slot, Gfn gfn, int level, ulong* spte, ref RmapCache cache, ref bool flush)
    {
        var head = slot.Rmaps!.Head(gfn, level);
        if (head->Count >= RmapHead.RecycleThreshold)
        {
            ZapHead(head);
            _counters.RmapsRecycled++;
            flush = true;
        }
        return head->TryAdd(spte, ref cache);
    }

    /// <summary>
    /// Takes an SPTE that no longer maps anything out of the reverse map of the gfn it mapped. The gfn must be the one it was entered
    /// under, whatever the guest's table says now (CVE-2026-46113). mmu_lock held for write; SlotsLock held or inside SRCU.
    /// </summary>
    internal void RemoveRmap(int addressSpaceId, Gfn gfn, int level, ulong* spte)
    {
        var slot = _vm.GetMemslots(addressSpaceId).Find(gfn);
        if (slot?.Rmaps is not { } rmaps || !rmaps.Head(gfn, level)->Remove(spte, _rmapPool)) _vm.ReportError(VmErrors.RmapLost);
    }

    /// <summary>
    /// Makes sure that every write of the guest to the page faults until whoever asked lets go of it: W goes, and with it the permission to
    /// give W back without mmu_lock. Huge SPTEs over the page go altogether, since the rest of the 2 MiB need not suffer. mmu_lock held for
    /// write.
    /// </summary>
    /// <returns>whether remote TLBs must be flushed before mmu_lock is dropped</returns>
    internal bool WriteProtectGfn(Memslot slot, Gfn gfn)
    {
        var pages = slot.Rmaps!.Head(gfn, 1);
        var flush = ZapHead(slot.Rmaps!.Head(gfn, 2)) > 0;
        var at = RmapHead.Iterate(pages);
        for (ulong* spte; (spte = at.Next()) != null;)
        {
            // W that the dirty log took away may not have been flushed yet, and lockless code may give it back at this moment: MMU-writable
            // tells of both.
            flush |= SpteAccess.Read(spte).MmuWritable;
            SpteAccess.ClearBitsExclusive(spte, Spte.W | Spte.MmuWritableBit);
        }
        return flush;
    }

    /// <summary>Removes every SPTE of a head; says how many there were.</summary>
    private int ZapHead(RmapHead* head)
    {
        var count = head->Count;
        if (count == 0) return 0;
        var at = RmapHead.Iterate(head);
        for (ulong* spte; (spte = at.Next()) != null;) SpteAccess.Exchange(spte, default);
        head->Clear(_rmapPool);
        return count;
    }

    private static bool AgeHead(RmapHead* head, bool clear)
    {
        var young = false;
        var at = RmapHead.Iterate(head);
        for (ulong* spte; (spte = at.Next()) != null;)
            young |= (clear ? SpteAccess.ClearLeafBits(spte, Spte.A) : SpteAccess.Read(spte)) is { IsLeaf: true, Accessed: true };
        return young;
    }

    /// <summary>The first gfn behind what an SPTE of the level maps.</summary>
    private static Gfn NextGfn(Gfn gfn, int level) => gfn.NextMultiple(SpteTable.PagesPerEntry(level));

    /// <summary>
    /// Drops mmu_lock, held for write, for those who wait for it. What was zapped so far is flushed before anybody else gets the lock.
    /// </summary>
    private void YieldWrite(ref int work, ref bool flush, ref ZapList zapped)
    {
        if (++work % YieldInterval != 0 || !_mmuLock.IsContended) return;
        if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
        CommitZap(ref zapped);
        flush = false;
        _mmuLock.WriteUnlock();
        _counters.Yields++;
        _mmuLock.WriteLock();
    }
}
