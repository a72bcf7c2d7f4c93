using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Tdp;

/// <summary>The page fault: from a guest physical address that no SPTE answers to an installed SPTE.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>
    /// Tables built only to remember that nothing is there, between two zaps of everything: a guest must not make its host fill memory by
    /// probing.
    /// </summary>
    internal const int MaxMmioTables = 256;

    /// <summary>Called between the look at an entry and the attempt to link a table there, which may then fail. For tests.</summary>
    internal Action? Linking { get; set; }

    /// <summary>Those there are.</summary>
    internal int MmioTables => Atomics.Read(ref _mmioTables, this);

    /// <inheritdoc/>
    public override FaultResult HandleFault(ref PageFault fault)
    {
        // Nothing to map below, until the vCPU enters guest mode again.
        if (fault.Vcpu.HasNoRoot) return FaultResult.Retry;
        var srcu = _vm.Srcu.ReadLock();
        // The sequence comes before the memslot and the frame: an invalidation that ends after this point is noticed under mmu_lock.
        fault.Sequence = _vm.Invalidation.Sequence;
        fault.Gfn = new Gfn(fault.RootPage);
        var result = FaultAt(ref fault);
        _vm.Srcu.ReadUnlock(srcu);
        return result;
    }

    protected override void LockForFault() => _mmuLock.ReadLock();

    protected override void UnlockForFault() => _mmuLock.ReadUnlock();

    /// <inheritdoc/>
    protected override FaultResult MapFault(ref PageFault fault) =>
        MayMap(ref fault, mayBeHuge: true, out var refusal) ? Map(ref fault) : refusal;

    /// <summary>
    /// Installs the leaf, linking tables on the way down. Each step is a compare-exchange; losing one means looking again. mmu_lock held
    /// for read, all checks done. A goal of level 2 is missed where a table stands already.
    /// </summary>
    private FaultResult Map(ref PageFault fault)
    {
        var stats = fault.Statistics;
        var slot = fault.Slot!;
        var gfn = fault.Gfn;
        var hostWritable = fault.Mapping.Writable;
        var table = fault.Root.Entries;
        var level = RootLevel;
        while (level > fault.GoalLevel)
        {
            var entry = table + SpteTable.IndexOf(gfn, level);
            var seen = SpteAccess.Read(entry);
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
            LinkTable(ref fault.Vcpu.TableCache, entry, seen, gfn, level);
        }
        for (; ; )
        {
            var entry = table + SpteTable.IndexOf(gfn, level);
            var seen = SpteAccess.Read(entry);
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
            var huge = level == 2;
            var first = fault.Mapping.Pfn - (huge ? (int)fault.Hva.PageNumber & SpteTable.EntryCount - 1 : 0);
            if (seen.IsLeaf)
            {
                if (seen.Pfn != first)
                {
                    // The host page table never changes without a notification, which removes the SPTE first.
                    _vm.ReportError(VmErrors.FrameChanged);
                    return FaultResult.Error;
                }
                if (seen.Writable || !fault.IsWrite && (seen.HostWritable || !hostWritable))
                {
                    stats->FaultsSpurious++;
                    return FaultResult.Fixed;
                }
            }
            var slotWritable = !slot.IsReadOnly;
            var logged = slot.LogsDirtyPages;
            var leaf = Spte.ForLeaf(first, hostWritable, slotWritable, fault.IsWrite || !logged, huge)
                .With(Spte.A | (fault.IsWrite ? Spte.D : 0));
            if (seen.IsLeaf) leaf = leaf.With(seen.Raw & (Spte.A | Spte.D));
            if (!SpteAccess.TryReplace(entry, seen, leaf)) continue;
            stats->SptesSet++;
            if (seen.IsLeaf) stats->FaultsWriteProtect++;
            else if (huge) stats->FaultsMapHuge++;
            else stats->FaultsMap++;
            // Marked after W stands: a harvest in between would otherwise take the mark and leave the page writable and unlogged.
            if (leaf.Writable && logged) _vm.DirtyLog.MarkPageDirty(slot, gfn, fault.Vcpu);
            return FaultResult.Fixed;
        }
    }

    /// <summary>
    /// Puts a table where nothing (or a huge leaf, which it then maps page by page) stands. Complete before it is linked. False: the entry
    /// has changed since it was seen, and the page is back in the cache, as new.
    /// </summary>
    internal bool LinkTable(ref TableCache cache, ulong* entry, Spte seen, Gfn gfn, int level)
    {
        var child = cache.Pop();
        ref var info = ref child.Info;
        info.Level = level - 1;
        info.Gfn = gfn.AlignDown(SpteTable.PagesPerEntry(level));
        var split = seen.IsLeaf;
        if (split)
        {
            for (var i = 0; i < SpteTable.EntryCount; i++) child[i] = seen.SplitPage(i).Raw;
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

    /// <inheritdoc/>
    protected override FaultResult MapMmio(ref PageFault fault, Memslots slots)
    {
        fault.Statistics->FaultsMmio++;
        var generation = slots.Generation;
        if (fault.Gfn >= VirtualMachine.EndGfn || (generation & Memslots.UpdateInProgress) != 0) return FaultResult.Mmio;
        _mmuLock.ReadLock();
        if (!IsObsolete(fault.Root)) InstallMmio(ref fault, Spte.ForMmio(fault.Gfn, Spte.R | Spte.W | Spte.X, generation));
        _mmuLock.ReadUnlock();
        return FaultResult.Mmio;
    }

    private void InstallMmio(ref PageFault fault, Spte mmio)
    {
        var table = fault.Root.Entries;
        var level = RootLevel;
        while (level > 1)
        {
            var entry = table + SpteTable.IndexOf(fault.Gfn, level);
            var seen = SpteAccess.Read(entry);
            if (seen.IsTable)
            {
                table = seen.Table;
                level--;
                continue;
            }
            // A leaf here means that a memslot came meanwhile: whoever sees no slot must not cover what is mapped by those who do.
            if (!seen.IsNone) return;
            var fits = Atomics.Increment(ref _mmioTables, this) <= MaxMmioTables;
            // Only tables that stand count: not one that lost its place to another's, nor one too many, or a guest that goes on probing
            // would count round and have room again.
            if (!fits || !LinkTable(ref fault.Vcpu.TableCache, entry, seen, fault.Gfn, level)) Atomics.Decrement(ref _mmioTables, this);
            if (!fits) return;
        }
        var last = table + SpteTable.IndexOf(fault.Gfn, 1);
        var old = SpteAccess.Read(last);
        if (old.IsNone || old.IsMmio) SpteAccess.TryReplace(last, old, mmio);
    }
}
