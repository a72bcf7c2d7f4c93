namespace Warren.Hypervisor.Shadow;

/// <summary>
/// A guest must not make its host fill memory with shadow pages: above a limit the oldest go (<c>make_mmu_pages_available</c>). The limit
/// is one page for fifty of guest memory, and never less than what lets all vCPUs get on at once: a root in use stays, and what the slowest
/// has just built must not be the oldest already.
/// </summary>
internal sealed unsafe partial class ShadowMmu
{
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
        if (_pageCount + MinFree <= limit) return;
        for (ShadowPage* page = OldestPage, newer; page != null && _pageCount + RefillTo > limit; page = newer)
        {
            newer = page->Newer;
            if (page->RootCount != 0) continue;
            PrepareZap(page, ref zapped);
            _counters.ShadowPagesReclaimed++;
        }
    }
}
