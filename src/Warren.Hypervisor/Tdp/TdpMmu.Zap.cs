namespace Warren.Hypervisor;

/// <summary>Removing SPTEs: a gfn range for a notification, a whole root after it became obsolete.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>
    /// Removes every leaf that overlaps [<paramref name="start"/>, <paramref name="end"/>) from every root of the address space, valid or not: the
    /// frames may be freed right afterwards. mmu_lock held for write, the invalidation counted, so that nobody maps the range again; the
    /// lock is dropped for waiters when <paramref name="mayBlock"/>, behind a flush.
    /// </summary>
    /// <returns>whether remote TLBs must be flushed before mmu_lock is dropped</returns>
    public bool UnmapGfnRange(int addressSpaceId, ulong start, ulong end, bool mayBlock)
    {
        bool flush = false;
        int work = 0;
        end = Math.Min(end, TdpTable.MaxGfn);
        TdpTable root = default;
        while (NextRoot(ref root, addressSpaceId, validOnly: false))
        {
            TdpCursor cursor = new(root, start, end);
            while (cursor.NextLeaf())
            {
                SpteAccess.Exchange(cursor.Entry, default);
                _counters.SptesUnmapped++;
                // An obsolete root is out of every vCPU's reach already.
                flush |= !IsObsolete(root);
                if (mayBlock) YieldWrite(ref cursor, ref work, ref flush);
            }
        }
        return flush;
    }

    /// <summary>
    /// Empties an invalid root, lowest level first so that each pass does small work between two yields and a table is empty when it is unlinked.
    /// Nothing is flushed: no vCPU in guest mode can reach it, and nobody maps into it. mmu_lock held for read, and the caller's reference.
    /// </summary>
    private void ZapRoot(TdpTable root)
    {
        int work = 0;
        for (int level = 1; level <= TdpTable.RootLevel; level++)
        {
            TdpCursor cursor = new(root, 0, TdpTable.MaxGfn);
            while (cursor.NextAt(level))
            {
                Spte old = SpteAccess.Exchange(cursor.Entry, default);
                if (old.IsTable) _allocator.Retire(new(old.Table));
                _counters.SptesZapped++;
                YieldRead(ref cursor, ref work);
            }
        }
    }

    /// <summary>The next root of the list, valid or not, or null; no step and no lock: for checks while every thread stands still.</summary>
    internal TdpTable PeekRootAfter(TdpTable root) => FindRootLocked(root, addressSpaceId: -1, validOnly: false);

    /// <summary>Visits every leaf of every root, for checks. mmu_lock is taken for read.</summary>
    internal void ForEachLeaf(TdpLeafVisitor visit)
    {
        _mmuLock.ReadLock();
        TdpTable root = default;
        while (NextRoot(ref root, addressSpaceId: -1, validOnly: false))
        {
            TdpCursor cursor = new(root, 0, TdpTable.MaxGfn);
            while (cursor.NextLeaf()) visit(root.Info.AddressSpaceId, !IsObsolete(root), cursor.Gfn, cursor.Seen);
        }
        _mmuLock.ReadUnlock();
    }
}

/// <param name="addressSpaceId">role of the root</param>
/// <param name="valid">the root is not obsolete</param>
/// <param name="gfn">first gfn the leaf maps</param>
/// <param name="spte">what stands there</param>
internal delegate void TdpLeafVisitor(int addressSpaceId, bool valid, ulong gfn, Spte spte);
