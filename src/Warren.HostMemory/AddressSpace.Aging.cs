using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>Accessed marks, here and in the secondary tables of notifiers.</summary>
public sealed partial class AddressSpace
{
    /// <summary>
    /// Counts the pages of the range that were accessed since their marks were last cleared, through this page table or through
    /// a notifier; a block counts as one page. Clearing asks notifiers without a TLB flush, as periodic aging does.
    /// </summary>
    /// <exception cref="HostMemoryException">EINVAL: unaligned, empty or out of range.</exception>
    public int Age(Hva hva, ulong length, bool clear)
    {
        using var balance = Check.Balanced();
        length = CheckedLength(length);
        CheckRange(hva, length);
        MmapLock.DownRead();
        try
        {
            if (_disposed)
                return 0;
            var visitor = new AgingVisitor(this, clear, Notifiers.Any(hva, hva + length));
            _table.Visit(hva, hva + length, ref visitor);
            return visitor.Young;
        }
        finally
        {
            MmapLock.UpRead();
        }
    }

    /// <summary>
    /// True when the page was accessed since the last time, clearing the marks for good: TLBs are flushed, so that an access after this
    /// call is noticed (what reclaim asks before it takes a page).
    /// </summary>
    public bool ClearFlushYoung(Hva hva)
    {
        using var balance = Check.Balanced();
        var page = hva.PageStart;
        CheckRange(page, FramePool.PageSize);
        MmapLock.DownRead();
        try
        {
            if (_disposed)
                return false;
            var visitor = new AgingVisitor(this, clear: true, notify: false);
            _table.Visit(page, page + FramePool.PageSize, ref visitor);
            var range = new MmuNotifierRange(page, page + FramePool.PageSize, MmuNotifierEvent.Clear);
            return Notifiers.Young(range, YoungQuery.ClearFlush) | (visitor.Young > 0);
        }
        finally
        {
            MmapLock.UpRead();
        }
    }

    private unsafe struct AgingVisitor(AddressSpace space, bool clear, bool notify) : IPteVisitor
    {
        internal int Young;

        public void Leaf(ulong* slot, Hva hva, int level)
        {
            var entry = PageTableNode.Load(slot);
            var young = entry.IsLeaf && entry.IsAccessed;
            // Lost to a concurrent change of the entry: whoever made it marked the page as accessed himself.
            if (young && clear)
                PageTableNode.CompareExchange(slot, entry, entry.Old());
            if (notify)
            {
                var size = level == 1 ? FramePool.PageSize : PageTable.BlockSize;
                var start = hva.AlignDown(size);
                var range = new MmuNotifierRange(start, start + size, MmuNotifierEvent.Clear);
                young |= space.Notifiers.Young(range, clear ? YoungQuery.Clear : YoungQuery.Test);
            }

            if (young)
                Young++;
        }
    }
}
