using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>The page fault: from an address that no SPTE answers to the guest's own fault, or to an installed SPTE.</summary>
internal sealed unsafe partial class ShadowMmu
{
    private const GuestRights AllButUser = GuestRights.Read | GuestRights.Write | GuestRights.Execute;

    /// <summary>
    /// Resolves one fault of a vCPU that is outside guest mode, with full caches. Walks the guest's tables, and may sleep there and in the host's memory manager, before mmu_lock is taken. Allocates
    /// nothing on the managed heap.
    /// </summary>
    /// <param name="vcpu">whose root, caches and statistics serve</param>
    /// <param name="address">what was accessed</param>
    /// <param name="access">how</param>
    /// <param name="mode">in which mode of the guest</param>
    /// <param name="retries">as for <see cref="TdpMmu.PageFault"/></param>
    /// <param name="gpa">where the address leads, when the result is Mmio or Tracked</param>
    [SkipLocalsInit]
    public FaultResult PageFault(Vcpu vcpu, ulong address, GuestAccess access, GuestMode mode, int retries, out ulong gpa)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        gpa = address;
        // Before the walk, the memslot and the frame: an invalidation that ends after this point is noticed under mmu_lock.
        ulong sequence = _vm.Invalidation.Sequence;
        GuestWalk walk;
        Unsafe.SkipInit(out walk);
        if (vcpu.GuestRoot.Levels == 0)
        {
            if (address >> SpteTable.AddressBits != 0)
            {
                stats->FaultsMmio++;
                return FaultResult.Mmio;
            }
            walk.RootLevel = 0;
            walk.Gfn = address >> VirtualMachine.PageShift;
        }
        else
        {
            GuestWalkStatus status = vcpu.Engine.WalkGuest(vcpu, address, access, mode, ref walk);
            if (status != GuestWalkStatus.Ok) return WalkFailed(stats, status);
            gpa = walk.Gfn << VirtualMachine.PageShift | address & VirtualMachine.PageSize - 1;
        }
        // Nothing to map below, until the vCPU enters guest mode again.
        if (vcpu.HasNoRoot) return FaultResult.Retry;
        int srcu = _vm.Srcu.ReadLock();
        FaultResult result = FaultAt(vcpu, address, access == GuestAccess.Write, ref walk, sequence, retries >= _vm.FaultPatience);
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

    private FaultResult FaultAt(Vcpu vcpu, ulong address, bool write, ref GuestWalk walk, ulong sequence, bool insist)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        ulong gfn = walk.Gfn;
        Memslots slots = _vm.GetMemslots(vcpu.AddressSpaceId);
        Memslot? slot = slots.Find(gfn);
        if (slot is null) return MapMmio(vcpu, address, ref walk, slots);
        if ((slot.Flags & MemslotFlags.Invalid) != 0)
        {
            stats->RetriesInvalidSlot++;
            return FaultResult.Retry;
        }
        if (write && (slot.Flags & MemslotFlags.ReadOnly) != 0)
        {
            stats->FaultsMmio++;
            return FaultResult.Mmio;
        }
        // Not authoritative: spares the host's memory manager a fault that would end so anyway. The store itself is done under mmu_lock, whatever the page holds by then.
        if (write && Atomics.Read(ref slot.Arch!.WriteTrack(gfn)) != 0)
        {
            stats->FaultsTracked++;
            return FaultResult.Tracked;
        }
        if (!insist && _vm.Invalidation.RetryGfnRangeUnsafe(sequence, gfn, gfn + 1))
        {
            stats->RetriesInvalidation++;
            return FaultResult.Retry;
        }
        ulong hva = slot.GfnToHva(gfn);
        FaultStatus status = _vm.Memory.Fault(hva, write, out FrameMapping mapping);
        if (status != FaultStatus.Ok) return HostFaultFailed(vcpu, status);
        FaultResult result = FaultResult.Retry;
        bool present = false;
        FrameMapping now = default;
        _mmuLock.WriteLock();
        // As in TdpMmu.MapPresent: who has been patient takes what is there now, unless the page itself is being invalidated.
        if (!insist) result = MapFault(vcpu, address, slot, write, ref walk, sequence, mapping);
        else if (_vm.IsInvalidating(slot, gfn)) stats->RetriesInvalidation++;
        else if (present = _vm.Memory.TryFaultPresent(hva, write, out now)) result = MapFault(vcpu, address, slot, write, ref walk, null, now);
        _mmuLock.WriteUnlock();
        // The SPTE needs no reference: the notification that precedes the frame's end removes it.
        // Without the lock: one that the host has given up meanwhile is freed here, and that may wait.
        _pool.Put(mapping.Frame);
        if (present) _pool.Put(now.Frame);
        return result;
    }

    private FaultResult HostFaultFailed(Vcpu vcpu, FaultStatus status)
    {
        vcpu.StatisticsPointer->FaultsFailed++;
        if (status == FaultStatus.OutOfMemory) _vm.ReportError(VmErrors.OutOfMemory);
        else if (status == FaultStatus.IoError) _vm.ReportError(VmErrors.IoError);
        return FaultResult.Error;
    }

    /// <summary>
    /// The checks under mmu_lock, held for write from here on. Without a <paramref name="sequence"/>, the snapshot from before the walk, the page was looked up under mmu_lock and is not being
    /// invalidated.
    /// </summary>
    private FaultResult MapFault(Vcpu vcpu, ulong address, Memslot slot, bool write, ref GuestWalk walk, ulong? sequence, in FrameMapping mapping)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        if (IsObsolete(vcpu.Root))
        {
            stats->RetriesObsoleteRoot++;
            return FaultResult.Retry;
        }
        ulong gfn = walk.Gfn;
        int goal = 1;
        if (mapping.Order >= 9 && walk.RootLevel == 0 | walk.LeafLevel > 1 && HugeAllowed(slot, gfn))
        {
            // Every page of the mapping must be outside of what is being invalidated, not only the one that faulted.
            ulong first = gfn & ~(SpteTable.PagesPerEntry(2) - 1);
            if (!_vm.Invalidation.RetryGfnRange(sequence ?? _vm.Invalidation.Sequence, first, first + SpteTable.PagesPerEntry(2))) goal = 2;
        }
        if (goal == 1 && sequence is { } snapshot && _vm.Invalidation.RetryGfn(snapshot, gfn))
        {
            stats->RetriesInvalidation++;
            return FaultResult.Retry;
        }
        if (write && !mapping.Writable)
        {
            _vm.ReportError(VmErrors.NotWritable);
            return FaultResult.Error;
        }
        bool flush = false;
        ZapList zapped = default;
        MakeRoom(ref zapped);
        FaultResult result = FaultResult.Retry;
        ulong* spte = Descend(vcpu, address, slot, ref walk, ref goal, ref zapped, ref flush);
        if (spte != null) result = SetLeaf(vcpu, spte, goal, slot, write, ref walk, mapping, ref flush);
        else stats->RetriesGuestTables++;
        if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
        CommitZap(ref zapped);
        return result;
    }

    /// <summary>A 2 MiB SPTE may stand for the block when the memslot covers it whole, aligned alike on both sides, and no page of it is logged. That none holds a table is seen on the way down.</summary>
    private bool HugeAllowed(Memslot slot, ulong gfn)
    {
        ulong pages = SpteTable.PagesPerEntry(2);
        ulong first = gfn & ~(pages - 1);
        return _vm.Options.HugePages
            && (slot.Flags & MemslotFlags.LogDirtyPages) == 0
            && first >= slot.BaseGfn && first + pages <= slot.EndGfn
            && ((slot.UserspaceAddress >> 12) - slot.BaseGfn & pages - 1) == 0;
    }

    /// <summary>
    /// Goes down to the entry that is to be the leaf, linking pages on the way: shadows of the guest's tables as far as those go, direct ones below. Each entry of the guest is read again once its table is
    /// watched: what stands there then is what the walk saw, or the fault starts again.
    /// </summary>
    /// <param name="vcpu">whose root to start from, and whose caches serve</param>
    /// <param name="address">what was accessed</param>
    /// <param name="slot">of the page to be mapped; null where no memslot is</param>
    /// <param name="walk">what the walk of the guest's tables found</param>
    /// <param name="goal">the level that the leaf may have, 1 without a memslot; comes back as the one that it has</param>
    /// <param name="zapped">takes what goes on the way</param>
    /// <param name="flush">set where TLBs may hold what went</param>
    /// <returns>the entry, or null: something has changed</returns>
    private ulong* Descend(Vcpu vcpu, ulong address, Memslot? slot, ref GuestWalk walk, ref int goal, ref ZapList zapped, ref bool flush)
    {
        ulong number = address >> VirtualMachine.PageShift;
        ShadowPage* page = PageOf(vcpu.Root.Entries);
        int level = vcpu.RootLevel;
        int leafLevel = walk.RootLevel == 0 ? level : walk.LeafLevel;
        bool direct = walk.RootLevel == 0;
        if (page->Role.Direct != direct || !direct && (level != walk.RootLevel || page->Gfn != walk.TableGfn[level] || !IsUnchanged(page, number, ref walk, level))) return null;
        for (; ; level--)
        {
            page->WriteFloodingCount = 0;
            ulong* spte = page->Table + SpteTable.IndexOf(number, level);
            if (level == 1) return spte;
            bool below = direct || level <= leafLevel;
            ulong gfn = below ? walk.Gfn & ~(SpteTable.PagesPerEntry(level) - 1) : walk.TableGfn[level - 1];
            ShadowRole role = below ? direct ? ShadowRole.ForDirect(level - 1, AllButUser, vcpu.AddressSpaceId) : DirectRole(level - 1, walk.Leaf, vcpu.AddressSpaceId)
                : ShadowRole.ForTable(level - 1, vcpu.AddressSpaceId);
            Spte seen = SpteAccess.Read(spte);
            ShadowPage* child = seen.IsTable ? PageOf(seen.Table) : null;
            bool follow = child != null && child->Gfn == gfn && child->Role == role;
            // Small mappings that stand already are gone on with: a fault does not take them away. A block with a table in it is mapped by pages; only here all tables of the walk are watched, and they may lie in it.
            if (level == goal && !follow && slot!.Arch!.DisallowHuge(walk.Gfn) == 0) return spte;
            if (level == goal) goal--;
            if (!follow)
            {
                if (!seen.IsNone) flush |= DropSpte(page, IndexOf(spte));
                child = GetPage(vcpu, gfn, role, ref zapped, ref flush);
                if (child == null) return null;
            }
            if (!below && !IsUnchanged(child, number, ref walk, level - 1)) return null;
            if (!follow) LinkPage(vcpu, spte, child, ref flush);
            page = child;
        }
    }

    private static bool IsUnchanged(ShadowPage* page, ulong number, ref GuestWalk walk, int level) =>
        Atomics.Read(ref page->GuestTable[SpteTable.IndexOf(number, level)]) == walk.Entries[level];

    /// <summary>Makes an entry the leaf that the walk asks for. mmu_lock held for write, all checks done.</summary>
    private FaultResult SetLeaf(Vcpu vcpu, ulong* spte, int level, Memslot slot, bool write, ref GuestWalk walk, in FrameMapping mapping, ref bool flush)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        ShadowPage* page = PageOf(spte);
        int index = IndexOf(spte);
        ulong pages = SpteTable.PagesPerEntry(level);
        ulong gfn = walk.Gfn & ~(pages - 1);
        int frame = mapping.Frame - (int)((slot.GfnToHva(walk.Gfn) >> 12) & pages - 1);
        GuestRights rights = walk.RootLevel == 0 ? AllButUser : EffectiveRights(walk.Leaf);
        bool writable = (rights & GuestRights.Write) != 0 && mapping.Writable && (slot.Flags & MemslotFlags.ReadOnly) == 0;
        if (writable && level == 1 && TryLetGo(slot, gfn, write) == Letting.Protected)
        {
            if (write)
            {
                stats->FaultsTracked++;
                return FaultResult.Tracked;
            }
            writable = false;
        }
        bool logged = (slot.Flags & MemslotFlags.LogDirtyPages) != 0;
        Spte leaf = Spte.ForLeaf(frame, mapping.Writable, writable, writable && (write || !logged), level > 1)
            .Without(Spte.Rights & ~Spte.W).With(SpteBits(rights & ~GuestRights.Write) | Spte.A | (write ? Spte.D : 0));
        Spte seen = SpteAccess.Read(spte);
        bool same = seen.IsLeaf && seen.Frame == frame && seen.IsHuge == leaf.IsHuge && page->GfnAt(index, level) == gfn;
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
        if (!seen.IsLeaf && !TryAddRmap(slot, gfn, level, spte, ref vcpu.ShadowCache.Descriptors, ref flush))
            throw new InvalidOperationException("A reverse map needs a descriptor, and the cache was not filled before.");
        if (page->Gfns != null) page->Gfns[index] = gfn << 12 | (uint)rights;
        while (!SpteAccess.TryReplace(spte, seen, leaf.With(seen.Raw & (Spte.A | Spte.D)))) seen = SpteAccess.Read(spte);
        flush |= seen.IsLeaf && ((seen.Raw & ~leaf.Raw & Spte.Rights) != 0 || ((seen.Raw ^ leaf.Raw) & Spte.U) != 0);
        stats->SptesSet++;
        if (seen.IsLeaf) stats->FaultsWriteProtect++;
        else if (level > 1) stats->FaultsMapHuge++;
        else stats->FaultsMap++;
        // Marked after W stands: a harvest in between would otherwise take the mark and leave the page writable and unlogged.
        if (leaf.Writable && logged) _vm.DirtyLog.MarkPageDirty(slot, gfn, vcpu);
        return FaultResult.Fixed;
    }

    /// <summary>Remembers that no memslot is there, for the generation of memslots that was read in this SRCU section, with what the guest's tables allow.</summary>
    private FaultResult MapMmio(Vcpu vcpu, ulong address, ref GuestWalk walk, Memslots slots)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        stats->FaultsMmio++;
        ulong generation = slots.Generation;
        if (walk.Gfn >= SpteTable.MaxGfn || (generation & Memslots.UpdateInProgress) != 0) return FaultResult.Mmio;
        GuestRights rights = walk.RootLevel == 0 ? AllButUser : EffectiveRights(walk.Leaf);
        Spte mmio = Spte.ForMmio(walk.Gfn, SpteBits(rights), generation);
        bool flush = false;
        ZapList zapped = default;
        _mmuLock.WriteLock();
        if (!IsObsolete(vcpu.Root))
        {
            MakeRoom(ref zapped);
            int goal = 1;
            ulong* spte = Descend(vcpu, address, null, ref walk, ref goal, ref zapped, ref flush);
            // A leaf here means that a memslot came meanwhile: whoever sees no slot must not cover what is mapped by those who do. Or the guest's table has changed, and the leaf goes at its fence.
            if (spte != null && !SpteAccess.Read(spte).IsLeaf)
            {
                ShadowPage* page = PageOf(spte);
                if (page->Gfns != null) page->Gfns[IndexOf(spte)] = walk.Gfn << 12 | (uint)rights;
                SpteAccess.Exchange(spte, mmio);
            }
            if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();
            CommitZap(ref zapped);
        }
        _mmuLock.WriteUnlock();
        return FaultResult.Mmio;
    }
}
