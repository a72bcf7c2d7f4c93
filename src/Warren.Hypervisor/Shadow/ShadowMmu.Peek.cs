using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Shadow;

/// <summary>Looking at all shadow pages there are, for checks. An invalid page, off the active list, has no entries any more.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <inheritdoc/>
    public override void ForEachLeaf(LeafVisitor visit)
    {
        _mmuLock.ReadLock();
        for (var page = OldestPage; page != null; page = page->Newer)
        {
            var role = page->Role;
            for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
            {
                var seen = SpteAccess.Read(page->Table + i);
                if (seen.IsLeaf) visit(role.AddressSpaceId, !IsObsolete(page), page->GfnAt(i, role.Level), seen);
            }
        }
        _mmuLock.ReadUnlock();
    }

    /// <inheritdoc/>
    public override void PeekLeaves(ulong gfn, List<PeekedLeaf> leaves)
    {
        for (var page = OldestPage; page != null; page = page->Newer)
        {
            var info = TableAllocator.InfoOf(page->Table);
            var pages = SpteTable.PagesPerEntry(info->Level);
            for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
            {
                Spte seen = new(page->Table[i]);
                var at = gfn - page->GfnAt(i, info->Level);
                if (!seen.IsLeaf || at >= pages) continue;
                leaves.Add(new(seen.IsHuge ? seen.SplitPage((int)at) : seen, page->Generation != _generation));
            }
        }
    }
}
