using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>How a page fault ended.</summary>
internal enum FaultResult
{
    /// <summary>The access is mapped now, by this fault or by another.</summary>
    Fixed,
    /// <summary>Something moved underneath: enter the guest again and fault again.</summary>
    Retry,
    /// <summary>No memory there, or a write to read-only memory.</summary>
    Mmio,
    /// <summary>The host cannot back the page; or a table of the guest lies where no memory is.</summary>
    Error,
    /// <summary>Shadow MMU: the guest's own tables forbid it.</summary>
    PageFault,
    /// <summary>Shadow MMU: a write to a table that is in use.</summary>
    Tracked,
}

/// <summary>The page fault: from a guest physical address that no SPTE answers to an installed SPTE.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>Tables built only to remember that nothing is there, between two zaps of everything: a guest must not make its host fill memory by probing.</summary>
    internal const int MaxMmioTables = 256;

    /// <summary>Called between the look at an entry and the attempt to link a table there, which may then fail. For tests.</summary>
    internal Action? Linking { get; set; }

    /// <summary>Those there are.</summary>
    internal int MmioTables => Atomics.Read(ref _mmioTables, this);

    /// <summary>
    /// Resolves one fault of a vCPU that is outside guest mode. Holds SRCU for as long as it uses the memslot; may sleep in the host's memory
    /// manager, before mmu_lock is taken. Allocates nothing on the managed heap.
    /// </summary>
    /// <param name="vcpu">whose root, caches and statistics serve</param>
    /// <param name="gpa">what was accessed</param>
    /// <param name="write">it was a write</param>
    /// <param name="retries">how often this access has come back for a retry: from <see cref="VirtualMachine.FaultPatience"/> on invalidations of other pages no longer send it back</param>
    public FaultResult PageFault(Vcpu vcpu, ulong gpa, bool write, int retries)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        int idx = _vm.Srcu.ReadLock();
        // The sequence comes before the memslot and the frame: an invalidation that ends after this point is noticed under mmu_lock.
        ulong sequence = _vm.Invalidation.Sequence;
        Memslots slots = _vm.GetMemslots(vcpu.AddressSpaceId);
        ulong gfn = gpa >> 12;
        Memslot? slot = slots.Find(gfn);
        FaultResult result;
        if (slot is null)
        {
            result = MapMmio(vcpu, slots, gfn);
        }
        else if ((slot.Flags & MemslotFlags.Invalid) != 0)
        {
            stats->RetriesInvalidSlot++;
            result = FaultResult.Retry;
        }
        else if (write && (slot.Flags & MemslotFlags.ReadOnly) != 0)
        {
            stats->FaultsMmio++;
            result = FaultResult.Mmio;
        }
        else if (write && FastPageFault(vcpu, slot, gfn))
        {
            stats->FaultsFast++;
            result = FaultResult.Fixed;
        }
        else
        {
            result = FaultIn(vcpu, slot, gfn, write, sequence, retries >= _vm.FaultPatience);
        }
        _vm.Srcu.ReadUnlock(idx);
        return result;
    }

    private FaultResult FaultIn(Vcpu vcpu, Memslot slot, ulong gfn, bool write, ulong sequence, bool insist)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        // Not authoritative: spares mmu_lock and the host's memory manager while an invalidation is under way.
        if (!insist && _vm.Invalidation.RetryGfnRangeUnsafe(sequence, gfn, gfn + 1))
        {
            stats->RetriesInvalidation++;
            return FaultResult.Retry;
        }
        ulong hva = slot.UserspaceAddress + ((gfn - slot.BaseGfn) << 12);
        FaultStatus status = _vm.Memory.Fault(hva, write, out FrameMapping mapping);
        if (status != FaultStatus.Ok) return HostFaultFailed(vcpu, status);
        FaultResult result;
        if (insist)
        {
            result = MapPresent(vcpu, slot, gfn, hva, write);
        }
        else if (_vm.Invalidation.RetryGfnRangeUnsafe(sequence, gfn, gfn + 1))
        {
            stats->RetriesInvalidation++;
            result = FaultResult.Retry;
        }
        else
        {
            _mmuLock.ReadLock();
            result = MapFault(vcpu, slot, gfn, hva, write, sequence, mapping);
            _mmuLock.ReadUnlock();
        }
        // The SPTE needs no reference: the notification that precedes the frame's end removes it.
        _pool.Put(mapping.Frame);
        return result;
    }

    /// <summary>
    /// The sequence moves with each invalidation of the VM, whatever its range, and a fault that takes longer than they are apart would start again for as long as they come; those that overlap in time
    /// cover all that lies between them besides. One that has been patient looks its page up under mmu_lock: only an invalidation of that very page can still send it back
    /// (<see cref="VirtualMachine.IsInvalidating"/>). The page was made present before, without the lock; a lookup that would have to sleep gives up.
    /// </summary>
    private FaultResult MapPresent(Vcpu vcpu, Memslot slot, ulong gfn, ulong hva, bool write)
    {
        FaultResult result = FaultResult.Retry;
        _mmuLock.ReadLock();
        if (_vm.IsInvalidating(slot, gfn))
        {
            vcpu.StatisticsPointer->RetriesInvalidation++;
        }
        else if (_vm.Memory.TryFaultPresent(hva, write, out FrameMapping mapping))
        {
            result = MapFault(vcpu, slot, gfn, hva, write, sequence: null, mapping);
            _pool.Put(mapping.Frame);
        }
        _mmuLock.ReadUnlock();
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
    /// The checks under mmu_lock, held for read, and the leaf. Without a <paramref name="sequence"/>, the snapshot from before the page was looked up, the page
    /// was looked up under mmu_lock and is not being invalidated.
    /// </summary>
    private FaultResult MapFault(Vcpu vcpu, Memslot slot, ulong gfn, ulong hva, bool write, ulong? sequence, in FrameMapping mapping)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        if (IsObsolete(vcpu.Root))
        {
            stats->RetriesObsoleteRoot++;
            return FaultResult.Retry;
        }
        int level = 1;
        if (mapping.Order >= 9 && HugeAllowed(slot, gfn))
        {
            // Every page of the mapping must be outside of what is being invalidated, not only the one that faulted.
            ulong first = gfn & ~(SpteTable.PagesPerEntry(2) - 1);
            if (!_vm.Invalidation.RetryGfnRange(sequence ?? _vm.Invalidation.Sequence, first, first + SpteTable.PagesPerEntry(2))) level = 2;
        }
        if (level == 1 && sequence is { } snapshot && _vm.Invalidation.RetryGfnRange(snapshot, gfn, gfn + 1))
        {
            stats->RetriesInvalidation++;
            return FaultResult.Retry;
        }
        if (write && !mapping.Writable)
        {
            _vm.ReportError(VmErrors.NotWritable);
            return FaultResult.Error;
        }
        return Map(vcpu, slot, gfn, write, level, mapping.Frame, mapping.Writable, (int)(hva >> 12) & SpteTable.EntryCount - 1);
    }

    /// <summary>A 2 MiB leaf may stand for the block when the memslot covers it whole, aligned alike on both sides, and no page of it is logged.</summary>
    private bool HugeAllowed(Memslot slot, ulong gfn)
    {
        ulong pages = SpteTable.PagesPerEntry(2);
        ulong first = gfn & ~(pages - 1);
        return _vm.Options.HugePages
            && (slot.Flags & MemslotFlags.LogDirtyPages) == 0
            && first >= slot.BaseGfn && first + pages <= slot.BaseGfn + slot.NPages
            && ((slot.UserspaceAddress >> 12) - slot.BaseGfn & pages - 1) == 0;
    }

    /// <summary>
    /// Installs the leaf, linking tables on the way down. Each step is a compare-exchange; losing one means looking again. mmu_lock held for read,
    /// all checks done.
    /// </summary>
    /// <param name="vcpu">whose root and table cache serve</param>
    /// <param name="slot">the memslot of gfn</param>
    /// <param name="gfn">the page that faulted</param>
    /// <param name="write">it was a write</param>
    /// <param name="goal">2 for a huge leaf, if no table stands there yet</param>
    /// <param name="frame">frame of the page that faulted</param>
    /// <param name="hostWritable">no CoW is pending</param>
    /// <param name="pageInBlock">the page's index in its aligned 2 MiB</param>
    private FaultResult Map(Vcpu vcpu, Memslot slot, ulong gfn, bool write, int goal, int frame, bool hostWritable, int pageInBlock)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        ulong* table = vcpu.Root.Entries;
        int level = RootLevel;
        while (level > goal)
        {
            ulong* entry = table + SpteTable.IndexOf(gfn, level);
            Spte seen = SpteAccess.Read(entry);
            if (seen.IsFrozen)
            {
                stats->RetriesFrozen++;
                return FaultResult.Retry;
            }
            if (seen.IsTable)
            {
                table = seen.Table;
                level--;
                continue;
            }
            // A failed link or split is not counted: somebody else did it, and the entry is read again.
            LinkTable(ref vcpu.TableCache, entry, seen, gfn, level);
        }
        for (; ; )
        {
            ulong* entry = table + SpteTable.IndexOf(gfn, level);
            Spte seen = SpteAccess.Read(entry);
            if (seen.IsFrozen)
            {
                stats->RetriesFrozen++;
                return FaultResult.Retry;
            }
            if (seen.IsTable)
            {
                // Small mappings stand already: a fault never takes a table away.
                table = seen.Table;
                level = 1;
                continue;
            }
            bool huge = level == 2;
            int first = huge ? frame - pageInBlock : frame;
            if (seen.IsLeaf)
            {
                if (seen.Frame != first)
                {
                    // The host page table never changes without a notification, which removes the SPTE first.
                    _vm.ReportError(VmErrors.FrameChanged);
                    return FaultResult.Error;
                }
                if (seen.Writable || !write && (seen.HostWritable || !hostWritable))
                {
                    stats->FaultsSpurious++;
                    return FaultResult.Fixed;
                }
            }
            bool slotWritable = (slot.Flags & MemslotFlags.ReadOnly) == 0;
            bool logged = (slot.Flags & MemslotFlags.LogDirtyPages) != 0;
            Spte leaf = Spte.ForLeaf(first, hostWritable, slotWritable, write || !logged, huge).With(Spte.A | (write ? Spte.D : 0));
            if (seen.IsLeaf) leaf = leaf.With(seen.Raw & (Spte.A | Spte.D));
            if (!SpteAccess.TryReplace(entry, seen, leaf)) continue;
            stats->SptesSet++;
            if (seen.IsLeaf) stats->FaultsWriteProtect++;
            else if (huge) stats->FaultsMapHuge++;
            else stats->FaultsMap++;
            // Marked after W stands: a harvest in between would otherwise take the mark and leave the page writable and unlogged.
            if (leaf.Writable && logged) _vm.DirtyLog.MarkPageDirty(slot, gfn, vcpu);
            return FaultResult.Fixed;
        }
    }

    /// <summary>
    /// Puts a table where nothing (or a huge leaf, which it then maps page by page) stands. Complete before it is linked. False: the entry has changed since it was seen, and the
    /// page is back in the cache, as new.
    /// </summary>
    internal bool LinkTable(ref TableCache cache, ulong* entry, Spte seen, ulong gfn, int level)
    {
        SpteTable child = cache.Pop();
        ref TableInfo info = ref child.Info;
        info.Level = level - 1;
        info.Gfn = gfn & ~(SpteTable.PagesPerEntry(level) - 1);
        bool split = seen.IsLeaf;
        if (split)
        {
            for (int i = 0; i < SpteTable.EntryCount; i++) child[i] = seen.SplitPage(i).Raw;
        }
        Linking?.Invoke();
        if (SpteAccess.TryReplace(entry, seen, Spte.ForTable(child.Entries)))
        {
            if (split) _counters.HugeSplits++;
            return true;
        }
        _counters.LinksLost++;
        cache.TakeBack(child);
        return false;
    }

    /// <summary>Remembers that no memslot is there, for the generation of memslots that was read in this SRCU section.</summary>
    private FaultResult MapMmio(Vcpu vcpu, Memslots slots, ulong gfn)
    {
        VcpuStatistics* stats = vcpu.StatisticsPointer;
        stats->FaultsMmio++;
        ulong generation = slots.Generation;
        if (gfn >= SpteTable.MaxGfn || (generation & Memslots.UpdateInProgress) != 0) return FaultResult.Mmio;
        _mmuLock.ReadLock();
        if (!IsObsolete(vcpu.Root)) InstallMmio(vcpu, gfn, Spte.ForMmio(gfn, Spte.R | Spte.W | Spte.X, generation));
        _mmuLock.ReadUnlock();
        return FaultResult.Mmio;
    }

    private void InstallMmio(Vcpu vcpu, ulong gfn, Spte mmio)
    {
        ulong* table = vcpu.Root.Entries;
        int level = RootLevel;
        while (level > 1)
        {
            ulong* entry = table + SpteTable.IndexOf(gfn, level);
            Spte seen = SpteAccess.Read(entry);
            if (seen.IsTable)
            {
                table = seen.Table;
                level--;
                continue;
            }
            // A leaf here means that a memslot came meanwhile: whoever sees no slot must not cover what is mapped by those who do.
            if (!seen.IsNone) return;
            bool fits = Atomics.Increment(ref _mmioTables, this) <= MaxMmioTables;
            // Only tables that stand count: not one that lost its place to another's, nor one too many, or a guest that goes on probing would count round and have room again.
            if (!fits || !LinkTable(ref vcpu.TableCache, entry, seen, gfn, level)) Atomics.Decrement(ref _mmioTables, this);
            if (!fits) return;
        }
        ulong* last = table + SpteTable.IndexOf(gfn, 1);
        Spte old = SpteAccess.Read(last);
        if (old.IsNone || old.IsMmio) SpteAccess.TryReplace(last, old, mmio);
    }
}
