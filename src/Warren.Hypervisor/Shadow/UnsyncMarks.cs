using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The marks that lead from a root down to the pages that are unsync: each page has a bit for every entry that points at such a page, or at
/// one with such below it (<c>unsync_child_bitmap</c>). mmu_lock held for write, except where said.
/// </summary>
internal static unsafe class UnsyncMarks
{
    private const int MaxWaysFollowed = 4;

    /// <summary>Tells all above the page that there is something below them to be brought in step.</summary>
    public static void MarkParents(ShadowPage* page)
    {
        var parents = RmapHead.Iterate(&page->ParentPtes);
        for (ulong* spte; (spte = parents.Next()) != null;) MarkChild(spte);
    }

    /// <summary>Something below the entry is to be brought in step.</summary>
    public static void MarkChild(ulong* spte)
    {
        var parent = ShadowMmu.PageOf(spte);
        var first = parent->UnsyncChildren == 0;
        if (parent->SetUnsyncChild(ShadowMmu.IndexOf(spte), true) && first) MarkParents(parent);
    }

    /// <summary>Nothing below the entry is left to be brought in step.</summary>
    public static void ClearChild(ulong* spte)
    {
        var parent = ShadowMmu.PageOf(spte);
        if (parent->SetUnsyncChild(ShadowMmu.IndexOf(spte), false) && parent->UnsyncChildren == 0) ClearParents(parent);
    }

    /// <summary>Tells all above the page that it is in step.</summary>
    public static void ClearParents(ShadowPage* page)
    {
        var parents = RmapHead.Iterate(&page->ParentPtes);
        for (ulong* spte; (spte = parents.Next()) != null;) ClearChild(spte);
    }

    /// <summary>
    /// Fills a batch of <paramref name="capacity"/> with unsync pages at or below one. A page that hangs below another by several entries
    /// may be in it as often: each entry followed leads to one more place in the batch, so that no guest can make the walk longer than the
    /// batch, however it tangles its tables.
    /// </summary>
    public static void Collect(ShadowPage* page, ShadowPage** batch, int capacity, ref int count)
    {
        if (page->Unsync) batch[count++] = page;
        for (var i = page->NextUnsyncChild(0); i < SpteTable.EntryCount && count < capacity; i = page->NextUnsyncChild(i + 1))
            Collect(ShadowMmu.PageOf(SpteAccess.Read(page->Table + i).Table), batch, capacity, ref count);
    }

    /// <summary>
    /// How many ways lead from the root down to the page: 0, 1, or 2 for more. When it is one, a vCPU that walks the root knows each SPTE
    /// of the page by one address, and drops those from its TLB itself. What it knows from other roots it dropped when it left them; ways
    /// there were before were flushed when they went.
    /// </summary>
    public static int Ways(ShadowPage* page, SpteTable root)
    {
        if (page->Table == root.Entries) return 1;
        if (page->ParentPtes.Count > MaxWaysFollowed) return 2;
        var ways = 0;
        var parents = RmapHead.Iterate(&page->ParentPtes);
        for (ulong* spte; ways < 2 && (spte = parents.Next()) != null;) ways += Ways(ShadowMmu.PageOf(spte), root);
        return ways;
    }

    /// <summary>
    /// The entry of an unsync page that the address leads to, used or not; or null. In guest mode, or with mmu_lock held.
    /// </summary>
    public static ulong* FindEntry(Vcpu vcpu, Gva address)
    {
        var table = vcpu.Root.Entries;
        for (var level = vcpu.RootLevel; level > 1; level--)
        {
            var seen = SpteAccess.Read(table + SpteTable.IndexOf(address.PageNumber, level));
            if (!seen.IsTable) return null;
            table = seen.Table;
        }
        var spte = table + SpteTable.IndexOf(address.PageNumber, 1);
        return ShadowMmu.PageOf(spte)->Unsync ? spte : null;
    }
}
