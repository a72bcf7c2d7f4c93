using Warren.Hypervisor.Audit;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Looking at all shadow pages there are, for checks; the audit itself is <see cref="ShadowAuditor"/>. An invalid page, off the active
/// list, has no entries any more.
/// </summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>
    /// Commits of zaps between two audits, at least; more where there are many pages, so that the audits of a VM cost a bounded part of its
    /// time.
    /// </summary>
    private const int CommitsPerAudit = 64;

    private int _commitsSinceAudit;

    /// <inheritdoc/>
    public override void Audit(Auditor audit) => new ShadowAuditor(this, _vm, audit).Run();

    /// <summary>With <see cref="VmOptions.Audit"/>: pages have been zapped. mmu_lock held.</summary>
    private void CountCommit()
    {
        if (!_vm.Options.Audit || ++_commitsSinceAudit < CommitsPerAudit + Pages.Count) return;
        _commitsSinceAudit = 0;
        _vm.RequestAudit();
    }

    /// <inheritdoc/>
    public override void ForEachLeaf(LeafVisitor visit)
    {
        _mmuLock.ReadLock();
        for (var page = Pages.Oldest; page != null; page = page->Newer)
        {
            var role = page->Role;
            for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
            {
                var seen = SpteAccess.Read(page->Table + i);
                if (seen.IsLeaf) visit(role.AddressSpaceId, !Pages.IsObsolete(page), page->GfnAt(i, role.Level), seen);
            }
        }
        _mmuLock.ReadUnlock();
    }

    /// <inheritdoc/>
    public override void PeekLeaves(Gfn gfn, List<PeekedLeaf> leaves)
    {
        for (var page = Pages.Oldest; page != null; page = page->Newer)
        {
            var info = TableAllocator.InfoOf(page->Table);
            var pages = SpteTable.PagesPerEntry(info->Level);
            for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
            {
                Spte seen = new(page->Table[i]);
                var at = gfn - page->GfnAt(i, info->Level);
                if (!seen.IsLeaf || at >= pages) continue;
                leaves.Add(new(seen.IsHuge ? seen.SplitPage((int)at) : seen, page->Generation != Pages.Generation));
            }
        }
    }
}
