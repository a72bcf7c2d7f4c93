using System.Diagnostics;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Zapping everything: the generation toggles, and all pages made before are obsolete at once. One bit is enough, for the next toggle comes
/// when none of them is left.
/// </summary>
/// <remarks>
/// New pages go to the head of the active list, so the obsolete ones are its tail, oldest first. The walk takes the last one until it meets
/// a current one: it never looks at a page twice, neither at one that is left over because some vCPU that does not run still has it as its
/// root (that is off the list once it is prepared, and freed when the vCPU lets go of it), nor at what vCPUs build meanwhile. So its work
/// is what existed at the toggle, whatever happens and however often it drops mmu_lock.
/// </remarks>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>Entries dropped in one stretch of mmu_lock, up to a page more: each has a reverse map to be taken out of.</summary>
    private const int BreakInterval = 256;

    /// <summary>The cost of a page beside its entries, in entries.</summary>
    private const int PageEffort = 16;

    private int _generation;

    /// <inheritdoc/>
    internal override bool InvalidateAll()
    {
        if (OldestPage == null) return false;
        Debug.Assert(OldestPage->Generation == _generation, "Pages of the zap before are left.");
        Atomics.Write(ref _generation, Atomics.Read(ref _generation, this) ^ 1, this);
        _counters.TablesAtToggle += _pageCount;
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
        while (OldestPage != null && OldestPage->Generation != _generation)
        {
            var before = _counters.SptesZapped;
            PrepareZap(OldestPage, ref zapped);
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
}
