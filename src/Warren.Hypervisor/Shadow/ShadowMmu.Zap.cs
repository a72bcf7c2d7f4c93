using System.Diagnostics;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The end of shadow pages, in two steps as in KVM: prepared, a page is found and reached by nobody new; after one flush for all of them
/// they are freed. Pages end one by one, all at once, or when there are too many.
/// </summary>
/// <remarks>
/// Zapping everything: the generation toggles, and all pages made before are obsolete at once. New pages go to the head of the active list,
/// so the obsolete ones are its tail, oldest first. The walk takes the last one until it meets a current one: it never looks at a page
/// twice, neither at one that is left over because some vCPU that does not run still has it as its root (that is off the list once it is
/// prepared, and freed when the vCPU lets go of it), nor at what vCPUs build meanwhile. So its work is what existed at the toggle, whatever
/// happens and however often it drops mmu_lock.
/// <para>A guest must not make its host fill memory with shadow pages: above a limit the oldest go (<c>make_mmu_pages_available</c>). The
/// limit is one page for fifty of guest memory, and never less than what lets all vCPUs get on at once: a root in use stays, and what the
/// slowest has just built must not be the oldest already.</para>
/// </remarks>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>Entries dropped in one stretch of mmu_lock, up to a page more: each has a reverse map to be taken out of.</summary>
    private const int BreakInterval = 256;

    /// <summary>The cost of a page beside its entries, in entries.</summary>
    private const int PageEffort = 16;
    private const int MinPages = 64;
    private const int PagesPerShadowPage = 50;
    private const int MinPagesPerVcpu = 16;
    private const int MinFree = 5;
    /// <summary>A few at a time: mmu_lock is held while each loses up to 512 entries, and one flush serves all.</summary>
    private const int RefillTo = 15;

    /// <summary>Set by tests; 0: as the VM's memory asks for.</summary>
    internal int PageLimit { get; set; }

    /// <summary>
    /// Before anything is built: leaves room for what one mapping can need. mmu_lock held for write, inside SRCU; the caller commits the
    /// list before it drops the lock.
    /// </summary>
    private void MakeRoom(ref ZapList zapped)
    {
        var least = MinPages + MinPagesPerVcpu * _vm.VcpuArray.Length;
        var limit = PageLimit != 0 ? PageLimit : (int)Math.Min(Math.Max((ulong)least, _vm.MemslotPages / PagesPerShadowPage), int.MaxValue);
        if (Pages.Count + MinFree <= limit) return;
        for (ShadowPage* page = Pages.Oldest, newer; page != null && Pages.Count + RefillTo > limit; page = newer)
        {
            newer = page->Newer;
            if (page->RootCount != 0) continue;
            PrepareZap(page, ref zapped);
            _counters.ShadowPagesReclaimed++;
        }
    }

    /// <inheritdoc/>
    internal override bool InvalidateAll()
    {
        if (Pages.Oldest == null) return false;
        Debug.Assert(Pages.Oldest->Generation == Pages.Generation, "Pages of the zap before are left.");
        Pages.ToggleGeneration();
        _counters.TablesAtToggle += Pages.Count;
        return true;
    }

    /// <summary>
    /// Prepares the obsolete pages and commits them all at once (<c>kvm_zap_obsolete_pages</c>). The one flush that every zap owes between
    /// the two steps is behind us: no vCPU can have got to an obsolete page since it let go of its root. That is why mmu_lock may be
    /// dropped with pages prepared, and why they are freed without it.
    /// </summary>
    internal override void ZapObsolete()
    {
        ZapList zapped = default;
        var work = 0;
        _mmuLock.WriteLock();
        var since = Stopwatch.GetTimestamp();
        while (Pages.Oldest != null && Pages.Oldest->Generation != Pages.Generation)
        {
            var before = _counters.SptesZapped;
            PrepareZap(Pages.Oldest, ref zapped);
            _counters.TablesZapped++;
            work += (int)(_counters.SptesZapped - before) + PageEffort;
            if (work < YieldInterval || work < BreakInterval && !_mmuLock.IsContended) continue;
            work = 0;
            NoteHold(since);
            BreakWrite();
            since = Stopwatch.GetTimestamp();
        }
        NoteHold(since);
        _mmuLock.WriteUnlock();
        FreePages(ref zapped);
    }

    /// <summary>
    /// Takes a page out of everything: its entries, those that point at it, write tracking, the hash, the active list
    /// (<c>kvm_mmu_prepare_zap_page</c>). What hangs below it stays, unlinked. mmu_lock held for write; inside SRCU or with SlotsLock held.
    /// <see cref="CommitZap"/> must follow before the lock is dropped, unless every page of the list is obsolete.
    /// </summary>
    internal void PrepareZap(ShadowPage* page, ref ZapList zapped)
    {
        var obsolete = Pages.IsObsolete(page);
        if (page->Role.Invalid) return;
        for (var i = SpteTable.NextUsed(page->Table, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(page->Table, i + 1))
        {
            DropSpte(page, i);
            _counters.SptesZapped++;
        }
        UnlinkParents(page);
        if (!page->Role.Direct) Unaccount(page);
        Pages.Remove(page);
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
