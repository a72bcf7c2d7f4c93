using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The end of shadow pages, in two steps as in KVM: prepared, a page is found and reached by nobody new; after one flush for all of them
/// they are freed.
/// </summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>
    /// Takes a page out of everything: its entries, those that point at it, write tracking, the hash, the active list
    /// (<c>kvm_mmu_prepare_zap_page</c>). What hangs below it stays, unlinked. mmu_lock held for write; inside SRCU or with SlotsLock held.
    /// <see cref="CommitZap"/> must follow before the lock is dropped, unless every page of the list is obsolete.
    /// </summary>
    internal void PrepareZap(ShadowPage* page, ref ZapList zapped)
    {
        var obsolete = IsObsolete(page);
        if (page->Role.Invalid) return;
        for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
        {
            DropSpte(page, i);
            _counters.SptesZapped++;
        }
        UnlinkParents(page);
        if (!page->Role.Direct) Unaccount(page);
        RemoveFromHash(page);
        RemoveFromActiveList(page);
        page->Role = page->Role.AsInvalid();
        _counters.ShadowPagesZapped++;
        if (page->RootCount == 0)
        {
            page->HashNext = zapped.First;
            zapped.First = page;
        }
        else if (obsolete)
        {
            // It has been asked for already, and asking again would have vCPUs reload the roots they just loaded.
            zapped.ObsoleteRoots = true;
        }
        else
        {
            zapped.RootsInvalidated = true;
            _counters.RootsInvalidated++;
        }
    }

    /// <summary>
    /// Flushes once, so that no vCPU in guest mode reaches what was prepared, and frees it (<c>kvm_mmu_commit_zap_page</c>). mmu_lock held
    /// for write.
    /// </summary>
    internal void CommitZap(ref ZapList zapped)
    {
        if (zapped.IsEmpty) return;
        // Strictly after the roots were marked: a vCPU that looks sees them marked. The request flushes, too, and waits.
        if (zapped.RootsInvalidated) _vm.MakeAllVcpusRequest(VcpuRequest.FreeObsoleteRoots);
        else _vm.FlushRemoteTlbs();
        FreePages(ref zapped);
        CountCommit();
    }

    /// <summary>Frees what was prepared and is out of reach of every vCPU.</summary>
    private void FreePages(ref ZapList zapped)
    {
        for (ShadowPage* page = zapped.First, next; page != null; page = next)
        {
            next = page->HashNext;
            FreePage(page);
        }
        zapped = default;
    }

    private void FreePage(ShadowPage* page)
    {
        TableAllocator.InfoOf(page->Table)->ShadowPage = null;
        _allocator.Free(new SpteTable(page->Table));
        if (page->Gfns != null) _allocator.Free(new SpteTable(page->Gfns));
        _pagePool.Free(page);
    }
}
