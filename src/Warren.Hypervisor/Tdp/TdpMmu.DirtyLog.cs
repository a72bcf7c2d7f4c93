using System.Runtime.CompilerServices;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tdp;

/// <summary>Dirty logging of the tables: take W away, split huge leaves before, merge them afterwards.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>Table entries replaced by huge leaves behind one flush.</summary>
    private const int MergeBatch = 32;

    /// <summary>Tables looked at in one stretch of mmu_lock; each has 512 entries to compare.</summary>
    private const int MergeLook = 64;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // A harvest is few calls of long loops: tiering would see them too late.
    public override bool WriteProtectMasked(Memslot slot, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at, bool zapHuge)
    {
        if (!at.IsOf(slot.AddressSpaceId)) at = new(ValidRoot(slot.AddressSpaceId), slot.AddressSpaceId);
        if (at.Root.IsNull) return true;
        var gfn = slot.BaseGfn + offset;
        var room = SpteTable.EntryCount - SpteTable.IndexOf(gfn, 1);
        if (room >= 64) return WriteProtectRun(gfn, mask, ref cache, ref at, zapHuge);
        // Slots start anywhere, so a chunk may reach into a second leaf table.
        var low = mask & (1UL << room) - 1;
        return (low == 0 || WriteProtectRun(gfn, low, ref cache, ref at, zapHuge))
            && (low == mask || WriteProtectRun(gfn + (ulong)room, mask >> room, ref cache, ref at, zapHuge));
    }

    /// <summary>As <see cref="WriteProtectMasked"/>, for pages of one leaf table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool WriteProtectRun(Gfn gfn, ulong mask, ref TableCache cache, ref LeafTable at, bool zapHuge)
    {
        if (!at.Covers(gfn))
        {
            var table = at.Root.Entries;
            for (var level = RootLevel; level > 1;)
            {
                var entry = table + SpteTable.IndexOf(gfn, level);
                var seen = SpteAccess.Read(entry);
                if (seen.IsTable)
                {
                    table = seen.Table;
                    level--;
                    continue;
                }
                if (!seen.IsLeaf) return true;
                if (cache.IsEmpty)
                {
                    if (!zapHuge) return false;
                    SpteAccess.Exchange(entry, default);
                    // Under mmu_lock: a notification that finds nothing to remove does not flush.
                    _vm.FlushRemoteTlbs();
                    return true;
                }
                LinkTable(ref cache, entry, seen, gfn, level);
            }
            at.Set(gfn, table);
        }
        var first = at.Entries + SpteTable.IndexOf(gfn, 1);
        var taken = 0;
        for (; mask != 0; mask &= mask - 1)
        {
            var entry = first + System.Numerics.BitOperations.TrailingZeroCount(mask);
            var seen = SpteAccess.Read(entry);
            if (!seen.IsLeaf || (seen.Raw & (Spte.W | Spte.D)) == 0) continue;
            if (seen.Writable) taken++;
            SpteAccess.ClearBitsExclusive(entry, Spte.W | Spte.D);
        }
        _counters.WriteProtected += taken;
        return true;
    }

    /// <inheritdoc/>
    protected override void ProtectSlot(Memslot slot)
    {
        TableCache cache = default;
        var flush = false;
        var end = slot.BaseGfn + slot.NPages;
        var tables = cache.TryTopUp(_allocator);
        _mmuLock.WriteLock();
        SpteTable root = default;
        while (NextRoot(ref root, slot.AddressSpaceId, validOnly: true))
        {
            TdpCursor cursor = new(root, slot.BaseGfn, end);
            while (cursor.NextLeaf())
            {
                if (!cursor.Seen.IsHuge)
                {
                    if (cursor.Seen.Writable) _counters.WriteProtected++;
                    if (!cursor.IsPause) SpteAccess.ClearBitsExclusive(cursor.Entry, Spte.W | Spte.D);
                    YieldWrite(ref cursor, ref flush);
                    continue;
                }
                if (!cache.IsEmpty)
                {
                    LinkTable(ref cache, cursor.Entry, cursor.Seen, cursor.Gfn, cursor.Level);
                }
                else if (!tables)
                {
                    // No memory for a table: the guest faults its pages in again, one by one.
                    SpteAccess.Exchange(cursor.Entry, default);
                    flush = true;
                }
                else
                {
                    _mmuLock.WriteUnlock();
                    tables = cache.TryTopUp(_allocator);
                    _mmuLock.WriteLock();
                }
                cursor.Revisit();
            }
        }
        if (flush) _vm.FlushRemoteTlbs();
        _mmuLock.WriteUnlock();
        cache.Drain(_allocator);
    }

    /// <summary>
    /// Replaces each table of the slot whose 512 leaves are one aligned run of frames with the same rights by one huge leaf. The entries
    /// are frozen, flushed, and only then read for the last time, so that no A or D that a vCPU sets meanwhile is lost.
    /// </summary>
    protected override void RecoverHugePages(Memslot slot)
    {
        if (!_vm.Options.HugePages) return;
        var frozen = stackalloc ulong*[MergeBatch];
        var tables = stackalloc ulong*[MergeBatch];
        var pages = SpteTable.PagesPerEntry(2);
        _mmuLock.WriteLock();
        SpteTable root = default;
        while (NextRoot(ref root, slot.AddressSpaceId, validOnly: true))
        {
            TdpCursor cursor = new(root, (slot.BaseGfn + (pages - 1)).AlignDown(pages), slot.EndGfn.AlignDown(pages));
            var more = true;
            while (more)
            {
                var count = 0;
                for (var looked = 0; count < MergeBatch && looked < MergeLook && (more = cursor.NextAt(2)); looked++)
                {
                    if (!cursor.Seen.IsTable || !HugeAllowed(slot, cursor.Gfn) || !IsMergeable(cursor.Seen.Table)) continue;
                    tables[count] = cursor.Seen.Table;
                    frozen[count++] = cursor.Entry;
                    SpteAccess.Exchange(cursor.Entry, Spte.Frozen);
                }
                if (count > 0)
                {
                    _vm.FlushRemoteTlbs();
                    for (var i = 0; i < count; i++) FinishMerge(frozen[i], new(tables[i]));
                }
                // Nothing is owed to anybody here, so the lock is free for a moment whether somebody waits or not.
                if (more)
                {
                    _mmuLock.WriteUnlock();
                    _counters.Yields++;
                    _mmuLock.WriteLock();
                    if (IsObsolete(root)) more = false;
                }
            }
        }
        _mmuLock.WriteUnlock();
        _allocator.Reclaim(TdpSrcu);
    }

    private static bool IsMergeable(ulong* table)
    {
        var first = SpteAccess.Read(table);
        if (!first.IsLeaf || first.Pfn.IndexInBlock != 0) return false;
        const ulong Rights = Spte.HostWritableBit | Spte.MmuWritableBit;
        for (var i = 1; i < SpteTable.EntryCount; i++)
        {
            var page = SpteAccess.Read(table + i);
            if (!page.IsLeaf || page.Pfn != first.Pfn + i || ((page.Raw ^ first.Raw) & Rights) != 0) return false;
        }
        return true;
    }

    private void FinishMerge(ulong* entry, SpteTable table)
    {
        ulong ad = 0;
        for (var i = 0; i < SpteTable.EntryCount; i++) ad |= SpteAccess.Read(table.Entries + i).Raw & (Spte.A | Spte.D);
        var first = SpteAccess.Read(table.Entries);
        var huge = Spte.ForLeaf(first.Pfn, first.HostWritable, first.MmuWritable, writable: true, huge: true).With(ad);
        SpteAccess.Exchange(entry, huge);
        _counters.HugeMerges++;
        _allocator.Retire(table);
    }
}
