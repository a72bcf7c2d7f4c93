using System.Runtime.CompilerServices;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>The page fault: from an address that no SPTE answers to the guest's own fault, or to an installed SPTE.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <inheritdoc/>
    /// <remarks>Walks the guest's tables, and may sleep there, too.</remarks>
    [SkipLocalsInit]
    public override FaultResult HandleFault(ref PageFault fault)
    {
        fault.Gpa = new Gpa(fault.RootAddress);
        // Before the walk, the memslot and the frame: an invalidation that ends after this point is noticed under mmu_lock.
        fault.Sequence = _vm.Invalidation.Sequence;
        GuestWalk walk;
        fault.Walk = &walk;
        if (fault.Vcpu.GuestRoot.Levels == 0)
        {
            if (fault.RootPage >= VirtualMachine.EndGfn.Value)
            {
                fault.Statistics->FaultsMmio++;
                return FaultResult.Mmio;
            }
            walk.RootLevel = 0;
            walk.Gfn = new Gfn(fault.RootPage);
        }
        else
        {
            var status = fault.Vcpu.Engine.WalkGuest(fault.Vcpu, new Gva(fault.RootAddress), fault.Access, fault.Mode, ref walk);
            if (status != GuestWalkStatus.Ok) return WalkFailed(fault.Statistics, status);
            fault.Gpa = walk.Gfn.Gpa + (fault.RootAddress & VirtualMachine.PageSize - 1);
        }
        // Nothing to map below, until the vCPU enters guest mode again.
        if (fault.Vcpu.HasNoRoot) return FaultResult.Retry;
        fault.Gfn = walk.Gfn;
        var srcu = _vm.Srcu.ReadLock();
        var result = FaultAt(ref fault);
        _vm.Srcu.ReadUnlock(srcu);
        return result;
    }

    private static FaultResult WalkFailed(VcpuStatistics* stats, GuestWalkStatus status)
    {
        switch (status)
        {
            case GuestWalkStatus.PageFault:
                stats->FaultsOfGuest++;
                return FaultResult.PageFault;
            case GuestWalkStatus.AccessFault:
                stats->FaultsFailed++;
                return FaultResult.Error;
            default:
                stats->RetriesGuestTables++;
                return FaultResult.Retry;
        }
    }

    /// <summary>
    /// A write to a page that holds a table. Not authoritative: spares the host's memory manager a fault that would end so anyway. The
    /// store itself is done under mmu_lock, whatever the page holds by then.
    /// </summary>
    protected override bool TrySettleWrite(ref PageFault fault, out FaultResult result)
    {
        result = FaultResult.Tracked;
        if (Atomics.Read(ref fault.Slot!.Rmaps!.WriteTrack(fault.Gfn)) == 0) return false;
        fault.Statistics->FaultsTracked++;
        return true;
    }

    protected override void LockForFault() => _mmuLock.WriteLock();

    protected override void UnlockForFault() => _mmuLock.WriteUnlock();

    /// <inheritdoc/>
    protected override FaultResult MapFault(ref PageFault fault)
    {
        if (!MayMap(ref fault, mayBeHuge: fault.Walk->RootLevel == 0 || fault.Walk->LeafLevel > 1, out var result)) return result;
        var flush = false;
        ZapList zapped = default;
        MakeRoom(ref zapped);
        var spte = Descend(ref fault, ref zapped, ref flush);
        if (spte != null)
        {
            result = SetLeaf(ref fault, spte, ref flush);
        }
        else
        {
            fault.Statistics->RetriesGuestTables++;
            result = FaultResult.Retry;
        }
        if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
        CommitZap(ref zapped);
        return result;
    }

    /// <summary>
    /// Goes down to the entry that is to be the leaf, linking pages on the way: shadows of the guest's tables as far as those go, direct
    /// ones below. Each entry of the guest is read again once its table is watched: what stands there then is what the walk saw, or the
    /// fault starts again.
    /// </summary>
    /// <param name="fault">its slot may be null, where no memslot is; its goal, 1 then, comes back as the level that the entry has</param>
    /// <param name="zapped">takes what goes on the way</param>
    /// <param name="flush">set where TLBs may hold what went</param>
    /// <returns>the entry, or null: something has changed</returns>
    private ulong* Descend(ref PageFault fault, ref ZapList zapped, ref bool flush)
    {
        var vcpu = fault.Vcpu;
        ref var walk = ref *fault.Walk;
        var rootPage = fault.RootPage;
        var page = PageOf(fault.Root.Entries);
        var level = vcpu.RootLevel;
        var leafLevel = walk.RootLevel == 0 ? level : walk.LeafLevel;
        var direct = walk.RootLevel == 0;
        if (page->Role.Direct != direct || !direct
            && (level != walk.RootLevel || page->Gfn != new Gfn(walk.TableGfn[level]) || !IsUnchanged(page, rootPage, ref walk, level)))
        {
            return null;
        }
        for (; ; level--)
        {
            page->WriteFloodingCount = 0;
            var spte = page->Table + SpteTable.IndexOf(rootPage, level);
            if (level == 1) return spte;
            var below = direct || level <= leafLevel;
            var gfn = below ? walk.Gfn.AlignDown(SpteTable.PagesPerEntry(level)) : new Gfn(walk.TableGfn[level - 1]);
            var role = below ? direct ? ShadowRole.ForDirect(level - 1, ShadowRights.AllButUser, vcpu.AddressSpaceId)
                : ShadowRights.DirectRole(level - 1, walk.Leaf, vcpu.AddressSpaceId)
                : ShadowRole.ForTable(level - 1, vcpu.AddressSpaceId);
            var seen = SpteAccess.Read(spte);
            var child = seen.IsTable ? PageOf(seen.Table) : null;
            var follow = child != null && child->Gfn == gfn && child->Role == role;
            // Small mappings that stand already are gone on with: a fault does not take them away. 2 MiB with a table in them are mapped by
            // pages; only here all tables of the walk are watched, and they may lie in it.
            if (level == fault.GoalLevel && !follow && fault.Slot!.Rmaps!.DisallowHuge(walk.Gfn) == 0) return spte;
            if (level == fault.GoalLevel) fault.GoalLevel--;
            if (!follow)
            {
                if (!seen.IsNone) flush |= DropSpte(page, IndexOf(spte));
                child = GetPage(vcpu, gfn, role, ref zapped, ref flush);
                if (child == null) return null;
            }
            if (!below && !IsUnchanged(child, rootPage, ref walk, level - 1)) return null;
            if (!follow) LinkPage(vcpu, spte, child, ref flush);
            page = child;
        }
    }

    private static bool IsUnchanged(ShadowPage* page, ulong rootPage, ref GuestWalk walk, int level) =>
        Atomics.Read(ref page->GuestTable[SpteTable.IndexOf(rootPage, level)]) == walk.Entries[level];

    /// <summary>Makes an entry the leaf that the walk asks for. mmu_lock held for write, all checks done.</summary>
    private FaultResult SetLeaf(ref PageFault fault, ulong* spte, ref bool flush)
    {
        var stats = fault.Statistics;
        var slot = fault.Slot!;
        var walk = fault.Walk;
        var write = fault.IsWrite;
        var level = fault.GoalLevel;
        var page = PageOf(spte);
        var index = IndexOf(spte);
        var pages = SpteTable.PagesPerEntry(level);
        var gfn = fault.Gfn.AlignDown(pages);
        var pfn = fault.Mapping.Pfn - (int)(fault.Hva.PageNumber & pages - 1);
        var rights = walk->RootLevel == 0 ? ShadowRights.AllButUser : ShadowRights.Effective(walk->Leaf);
        var writable = (rights & GuestRights.Write) != 0 && fault.Mapping.Writable && !slot.IsReadOnly;
        if (writable && level == 1 && !TryUnsync(slot, gfn, write))
        {
            if (write)
            {
                stats->FaultsTracked++;
                return FaultResult.Tracked;
            }
            writable = false;
        }
        var logged = slot.LogsDirtyPages;
        var leaf = Spte.ForLeaf(pfn, fault.Mapping.Writable, writable, writable && (write || !logged), level > 1)
            .Without(Spte.Rights & ~Spte.W).With(ShadowRights.SpteBits(rights & ~GuestRights.Write) | Spte.A | (write ? Spte.D : 0));
        var seen = SpteAccess.Read(spte);
        var same = seen.IsLeaf && seen.Pfn == pfn && seen.IsHuge == leaf.IsHuge && page->GfnAt(index, level) == gfn;
        if (!seen.IsNone && !same)
        {
            flush |= DropSpte(page, index);
            seen = default;
        }
        const ulong Kept = Spte.Rights | Spte.HostWritableBit | Spte.MmuWritableBit;
        // W that stands was marked in the log when it was given.
        if (seen.Writable && writable) leaf = leaf.With(Spte.W);
        if (((seen.Raw ^ leaf.Raw) & (Kept | Spte.LeafBit)) == 0)
        {
            stats->FaultsSpurious++;
            return FaultResult.Fixed;
        }
        if (!seen.IsLeaf && !TryAddRmap(slot, gfn, level, spte, ref fault.Vcpu.ShadowCache.Descriptors, ref flush))
            throw new InvalidOperationException("A reverse map needs a descriptor, and the cache was not filled before.");
        if (page->Gfns != null) page->Gfns[index] = gfn.Value << 12 | (uint)rights;
        while (!SpteAccess.TryReplace(spte, seen, leaf.With(seen.Raw & (Spte.A | Spte.D)))) seen = SpteAccess.Read(spte);
        flush |= seen.IsLeaf && ((seen.Raw & ~leaf.Raw & Spte.Rights) != 0 || ((seen.Raw ^ leaf.Raw) & Spte.U) != 0);
        stats->SptesSet++;
        if (seen.IsLeaf) stats->FaultsWriteProtect++;
        else if (level > 1) stats->FaultsMapHuge++;
        else stats->FaultsMap++;
        // Marked after W stands: a harvest in between would otherwise take the mark and leave the page writable and unlogged.
        if (leaf.Writable && logged) _vm.DirtyLog.MarkPageDirty(slot, gfn, fault.Vcpu);
        return FaultResult.Fixed;
    }

    /// <inheritdoc/>
    /// <remarks>With what the guest's tables allow.</remarks>
    protected override FaultResult MapMmio(ref PageFault fault, Memslots slots)
    {
        fault.Statistics->FaultsMmio++;
        var generation = slots.Generation;
        if (fault.Gfn >= VirtualMachine.EndGfn || (generation & Memslots.UpdateInProgress) != 0) return FaultResult.Mmio;
        var rights = fault.Walk->RootLevel == 0 ? ShadowRights.AllButUser : ShadowRights.Effective(fault.Walk->Leaf);
        var mmio = Spte.ForMmio(fault.Gfn, ShadowRights.SpteBits(rights), generation);
        var flush = false;
        ZapList zapped = default;
        _mmuLock.WriteLock();
        if (!IsObsolete(fault.Root))
        {
            MakeRoom(ref zapped);
            fault.GoalLevel = 1;
            var spte = Descend(ref fault, ref zapped, ref flush);
            // A leaf here means that a memslot came meanwhile: whoever sees no slot must not cover what is mapped by those who do. Or the
            // guest's table has changed, and the leaf goes at its fence.
            if (spte != null && !SpteAccess.Read(spte).IsLeaf)
            {
                var page = PageOf(spte);
                if (page->Gfns != null) page->Gfns[IndexOf(spte)] = fault.Gfn.Value << 12 | (uint)rights;
                SpteAccess.Exchange(spte, mmio);
            }
            if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
            CommitZap(ref zapped);
        }
        _mmuLock.WriteUnlock();
        return FaultResult.Mmio;
    }

    /// <summary>
    /// For the write fault that needs no lock. Leaves of direct pages only: their gfn never changes, where one of a guest's table may stand
    /// for another page by the time the exchange succeeds, and the wrong page would be marked.
    /// </summary>
    protected override ulong* FindMmuWritable(ref PageFault fault)
    {
        var spte = FindLeaf(fault.Root, fault.Vcpu.RootLevel, fault.RootPage, out var seen, out var level);
        if (spte == null || !seen.MmuWritable || !fault.Vcpu.Allows(seen.With(Spte.W), GuestAccess.Write, fault.Mode)) return null;
        var page = PageOf(spte);
        if (!page->Role.Direct) return null;
        fault.Gfn = page->GfnAt(IndexOf(spte), level) + (fault.RootPage & SpteTable.PagesPerEntry(level) - 1);
        return spte;
    }
}
