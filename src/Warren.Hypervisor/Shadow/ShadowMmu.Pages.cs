using System.Diagnostics;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>Shadow pages: found by gfn and role or made, and linked below each other.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>The pages that may be found and used.</summary>
    internal ShadowPageSet Pages { get; } = new();

    /// <inheritdoc/>
    public override bool IsObsolete(SpteTable root) => Pages.IsObsolete(PageOf(root.Entries));

    /// <summary>
    /// The page for a key, in step with the guest's table: found, or made out of the vCPU's cache. mmu_lock held for write. A page of level
    /// 1 over the same table that is unsync goes when the table is now used at a higher level, too: that level needs every write noticed.
    /// </summary>
    /// <returns>null: the guest's table is not there now, or is being taken away, and nothing of it may be built on; or others wait for
    /// mmu_lock and there is much to bring in step</returns>
    private ShadowPage* GetPage(Vcpu vcpu, Gfn gfn, ShadowRole role, ref ZapList zapped, ref bool flush)
    {
        for (ShadowPage* page = Pages.FirstInBucket(gfn), next; page != null; page = next)
        {
            next = page->HashNext;
            if (page->Gfn != gfn || Pages.IsObsolete(page)) continue;
            if (page->Role == role)
            {
                // Whoever reaches it through the new link may have fenced long since.
                return SyncTree(page, ref flush) ? page : null;
            }
            if (page->Unsync && !role.Direct && role.Level > 1 && page->Role.AddressSpaceId == role.AddressSpaceId)
                PrepareZap(page, ref zapped);
        }
        if (role.Direct) return MakePage(ref vcpu.ShadowCache, gfn, role, null);
        return TryGetGuestTable(role.AddressSpaceId, gfn, out var slot, out var table)
            ? Account(MakePage(ref vcpu.ShadowCache, gfn, role, table), slot!, ref flush) : null;
    }

    /// <summary>
    /// Where a table of the guest lies in the host now. Good until a notification for it, which takes its shadow pages away. mmu_lock held
    /// for write, inside SRCU; does not sleep.
    /// </summary>
    private bool TryGetGuestTable(int addressSpaceId, Gfn gfn, out Memslot? slot, out ulong* table)
    {
        table = null;
        slot = _vm.GetMemslots(addressSpaceId).Find(gfn);
        if (slot is null || slot.IsInvalid) return false;
        // Under mmu_lock what is there now may be used, unless it is just being taken away.
        if (_vm.IsInvalidating(slot, gfn)) return false;
        if (!_vm.Memory.TryFaultPresent(slot.GfnToHva(gfn), write: false, out var mapping)) return false;
        table = (ulong*)_pool.Pointer(mapping.Pfn);
        _pool.Put(mapping.Pfn);
        return true;
    }

    private ShadowPage* MakePage(ref ShadowCache cache, Gfn gfn, ShadowRole role, ulong* guestTable)
    {
        var page = cache.TakePage();
        page->Gfn = gfn;
        page->Role = role;
        page->Generation = Pages.Generation;
        page->Table = cache.TakeTable().Entries;
        page->GuestTable = guestTable;
        if (!role.Direct) page->Gfns = cache.TakeTable().Entries;
        var info = TableAllocator.InfoOf(page->Table);
        info->ShadowPage = page;
        info->Gfn = gfn;
        info->Level = role.Level;
        info->AddressSpaceId = role.AddressSpaceId;
        Pages.Add(page);
        _counters.ShadowPagesMade++;
        return page;
    }

    /// <summary>
    /// Points an empty entry at a page that is in step. One that very many entries point at loses them first, as a gfn does its SPTEs
    /// (<see cref="TryAddRmap"/>). mmu_lock held for write.
    /// </summary>
    private void LinkPage(Vcpu vcpu, ulong* spte, ShadowPage* child, ref bool flush)
    {
        Debug.Assert(PageOf(spte)->Role.Level == child->Role.Level + 1 && SpteAccess.Read(spte).IsNone);
        if (child->ParentPtes.Count >= RmapHead.RecycleThreshold)
        {
            UnlinkParents(child);
            _counters.RmapsRecycled++;
            flush = true;
        }
        if (!child->ParentPtes.TryAdd(spte, ref vcpu.ShadowCache.Descriptors))
            throw new InvalidOperationException("A link between tables needs a descriptor, and the cache was not filled before.");
        SpteAccess.Exchange(spte, Spte.ForTable(child->Table));
    }

    private void UnlinkParents(ShadowPage* page)
    {
        var differs = page->MayDiffer;
        var parents = RmapHead.Iterate(&page->ParentPtes);
        for (ulong* spte; (spte = parents.Next()) != null;)
        {
            SpteAccess.Exchange(spte, default);
            if (differs) UnsyncMarks.ClearChild(spte);
        }
        page->ParentPtes.Clear(_rmapPool);
    }

    /// <summary>Takes an entry away from the page it points at. The page stays, to be found again.</summary>
    private void UnlinkPage(ulong* spte)
    {
        var child = PageOf(SpteAccess.Exchange(spte, default).Table);
        child->ParentPtes.Remove(spte, _rmapPool);
        if (child->MayDiffer) UnsyncMarks.ClearChild(spte);
    }

    /// <summary>Empties an SPTE, whatever it is. Says whether a vCPU may have cached what it allowed.</summary>
    private bool DropSpte(ShadowPage* page, int index)
    {
        var spte = page->Table + index;
        var seen = SpteAccess.Read(spte);
        if (seen.IsTable)
        {
            UnlinkPage(spte);
            return true;
        }
        if (seen.IsNone) return false;
        SpteAccess.Exchange(spte, default);
        if (!seen.IsLeaf) return false;
        var role = page->Role;
        RemoveRmap(role.AddressSpaceId, page->GfnAt(index, role.Level), role.Level, spte);
        return true;
    }
}
