using System.Runtime.CompilerServices;

namespace Warren.HostMemory;

/// <summary>
/// The host page table of an address space: a radix tree of four levels over 48-bit host virtual addresses, leaves of 4 KiB at level 1 or
/// of 2 MiB at level 2. Entries change by compare-exchange, so faults, discards and splits run concurrently under the mmap lock held for
/// read; tables are freed only under the lock held for write. Who finds a frame here without owning a reference takes one with TryGet and
/// then looks at the entry again.
/// </summary>
internal sealed unsafe class PageTable(FramePool pool) : IDisposable
{
    internal const ulong BlockSize = 1UL << (FramePool.PageShift + FramePool.BlockOrder);
    private const int TopLevel = 4;

    private PageTableNode* _root = PageTableNode.Allocate();
    private int _tables = 1;

    /// <summary>Tables that exist, including the root.</summary>
    internal int Tables => System.Threading.Volatile.Read(ref _tables);

    /// <summary>
    /// The slot that maps the address: of level 1, of level 2 when a block is or nothing below is mapped there, or null when no table
    /// reaches it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal ulong* Find(Hva hva, out int level)
    {
        var node = _root;
        for (level = TopLevel; ; level--)
        {
            var slot = PageTableNode.Slot(node, Index(hva.Value, level));
            if (level == 1)
                return slot;
            var entry = PageTableNode.Load(slot);
            if (!entry.IsTable)
                return level == 2 ? slot : null;
            node = entry.Table;
        }
    }

    /// <summary>
    /// The slot of the given level for the address, making tables on the way; null if a block is mapped where a table is needed.
    /// </summary>
    internal ulong* Ensure(Hva hva, int level)
    {
        var node = _root;
        for (var at = TopLevel; ; at--)
        {
            var slot = PageTableNode.Slot(node, Index(hva.Value, at));
            if (at == level)
                return slot;
            var entry = PageTableNode.Load(slot);
            if (!entry.IsPresent)
            {
                var made = PageTableNode.Allocate();
                if (PageTableNode.CompareExchange(slot, default, HostPte.ToTable(made)))
                    System.Threading.Interlocked.Increment(ref _tables);
                else
                    PageTableNode.Free(made);
                entry = PageTableNode.Load(slot);
            }

            if (!entry.IsTable)
                return null;
            node = entry.Table;
        }
    }

    /// <summary>Replaces a block entry by a table of its 512 pages. Who loses the race finds the table made by another.</summary>
    internal void Split(ulong* slot, HostPte block)
    {
        var table = PageTableNode.Allocate();
        for (var i = 0; i < PageTableNode.Entries; i++)
            *PageTableNode.Slot(table, i) = block.Part(i).Bits;
        if (PageTableNode.CompareExchange(slot, block, HostPte.ToTable(table)))
            System.Threading.Interlocked.Increment(ref _tables);
        else
            PageTableNode.Free(table);
    }

    /// <summary>Splits the block that spans the address, unless it begins there.</summary>
    internal void SplitAt(Hva hva)
    {
        if (hva == hva.AlignDown(BlockSize))
            return;
        var slot = Find(hva, out var level);
        if (slot == null || level != 2)
            return;
        // The entry may change under us (accessed bit, discard): until it is no block.
        for (var entry = PageTableNode.Load(slot); entry.IsLeaf; entry = PageTableNode.Load(slot))
            Split(slot, entry);
    }

    /// <summary>The leaf that maps the address, or nothing; no step: for checks while every thread stands still.</summary>
    internal HostPte Peek(Hva hva)
    {
        var level = 1;
        var slot = PeekSlot(hva, ref level);
        var entry = slot == null ? default : new HostPte(*slot);
        return !entry.IsLeaf || level == 1 ? entry : entry.Part((int)hva.PageNumber & (PageTableNode.Entries - 1));
    }

    /// <summary>
    /// The slot for the address of the given level (1 to 4), or of the lowest above it that tables reach; null when they are gone. No step.
    /// </summary>
    internal ulong* PeekSlot(Hva hva, ref int level)
    {
        var node = _root;
        for (var at = TopLevel; node != null; at--)
        {
            var slot = PageTableNode.Slot(node, Index(hva.Value, at));
            var entry = new HostPte(*slot);
            if (at == level || !entry.IsTable)
            {
                level = at;
                return slot;
            }

            node = entry.Table;
        }

        return null;
    }

    /// <summary>Unmaps the range and puts its frames; returns how many pages were mapped.</summary>
    internal long Clear(Hva start, Hva end) => ClearNode(_root, TopLevel, start.Value, end.Value);

    /// <summary>Frees the tables that map nothing outside the range, which has been cleared. Under the mmap lock held for write.</summary>
    internal void FreeTables(Hva start, Hva end) => FreeBelow(_root, TopLevel, 0, start.Value, end.Value);

    /// <summary>Calls <paramref name="visitor"/> for each leaf in the range with its first address and level.</summary>
    internal void Visit<TVisitor>(Hva start, Hva end, ref TVisitor visitor)
        where TVisitor : struct, IPteVisitor => VisitNode(_root, TopLevel, start.Value, end.Value, ref visitor);

    public void Dispose()
    {
        if (_root != null)
            Release(_root, TopLevel, putFrames: true);
        _root = null;
        _tables = 0;
    }

    /// <summary>As <see cref="Dispose"/>, leaving the frames as they are.</summary>
    internal void Abandon()
    {
        if (_root != null)
            Release(_root, TopLevel, putFrames: false);
        _root = null;
        _tables = 0;
    }

    /// <summary>Frees a node and all below. Nobody else uses the table any more: entries are read as they lie there.</summary>
    private void Release(PageTableNode* node, int level, bool putFrames)
    {
        for (var i = 0; i < PageTableNode.Entries; i++)
        {
            var entry = new HostPte(*PageTableNode.Slot(node, i));
            if (entry.IsTable)
                Release(entry.Table, level - 1, putFrames);
            else if (putFrames && entry.IsLeaf && level == 1)
                pool.Put(entry.Pfn);
            else if (putFrames && entry.IsLeaf)
                pool.PutRange(entry.Pfn, PageTableNode.Entries);
        }

        PageTableNode.Free(node);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Index(ulong hva, int level) => (int)(hva >> ShiftOf(level)) & (PageTableNode.Entries - 1);

    private static ulong Span(int level) => 1UL << ShiftOf(level);

    private static int ShiftOf(int level) => FramePool.PageShift - FramePool.BlockOrder + (level * FramePool.BlockOrder);

    private long ClearNode(PageTableNode* node, int level, ulong start, ulong end)
    {
        long cleared = 0;
        var span = Span(level);
        for (var at = start; at < end; at = (at & ~(span - 1)) + span)
        {
            var slot = PageTableNode.Slot(node, Index(at, level));
            var entry = PageTableNode.Load(slot);
            if (!entry.IsPresent)
                continue;
            var stop = Math.Min(end, (at & ~(span - 1)) + span);
            if (level == 1)
            {
                entry = PageTableNode.Exchange(slot, default);
                if (!entry.IsPresent)
                    continue;
                cleared++;
                pool.Put(entry.Pfn);
                continue;
            }

            while (entry.IsLeaf)
            {
                if (stop - at < span)
                {
                    Split(slot, entry);
                }
                else if (PageTableNode.CompareExchange(slot, entry, default))
                {
                    pool.PutRange(entry.Pfn, PageTableNode.Entries);
                    cleared += PageTableNode.Entries;
                }

                entry = PageTableNode.Load(slot);
            }

            if (entry.IsTable)
                cleared += ClearNode(entry.Table, level - 1, at, stop);
        }

        return cleared;
    }

    private void FreeBelow(PageTableNode* node, int level, ulong nodeStart, ulong start, ulong end)
    {
        var span = Span(level);
        var first = Math.Max(start, nodeStart);
        var last = Math.Min(end, nodeStart + (span * PageTableNode.Entries));
        for (var at = first & ~(span - 1); at < last; at += span)
        {
            var slot = PageTableNode.Slot(node, Index(at, level));
            var entry = PageTableNode.Load(slot);
            if (!entry.IsTable)
                continue;
            if (level > 2)
                FreeBelow(entry.Table, level - 1, at, start, end);
            if (at < start || at + span > end)
                continue;
            PageTableNode.Exchange(slot, default);
            PageTableNode.Free(entry.Table);
            _tables--;
        }
    }

    private static void VisitNode<TVisitor>(PageTableNode* node, int level, ulong start, ulong end, ref TVisitor visitor)
        where TVisitor : struct, IPteVisitor
    {
        var span = Span(level);
        for (var at = start; at < end; at = (at & ~(span - 1)) + span)
        {
            var slot = PageTableNode.Slot(node, Index(at, level));
            var entry = PageTableNode.Load(slot);
            if (entry.IsTable)
                VisitNode(entry.Table, level - 1, at, Math.Min(end, (at & ~(span - 1)) + span), ref visitor);
            else if (entry.IsLeaf)
                visitor.Leaf(slot, new Hva(at), level);
        }
    }
}

/// <summary>The treatment of each leaf of a range; a struct, so that the walk is compiled for it.</summary>
internal unsafe interface IPteVisitor
{
    void Leaf(ulong* slot, Hva hva, int level);
}
