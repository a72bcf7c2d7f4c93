namespace Warren.Hypervisor.Paging;

/// <summary>Events of a VM's page tables outside its vCPUs. Statistics: racing increments may be lost, nothing depends on them.</summary>
public struct MmuCounters
{
    /// <summary>Leaves removed by notifications.</summary>
    public long SptesUnmapped;
    /// <summary>Entries removed with the root they hung in.</summary>
    public long SptesZapped;
    public long RootsAllocated;
    public long RootsInvalidated;
    public long FastZaps;
    /// <summary>
    /// Table pages in use when all that existed was made obsolete, summed over the fast zaps: what each may have to free.
    /// </summary>
    public long TablesAtToggle;
    /// <summary>Table pages the fast zaps freed.</summary>
    public long TablesZapped;
    /// <summary>
    /// The longest stretch for which a fast zap held mmu_lock, in ticks of <see cref="System.Diagnostics.Stopwatch"/>, with what its thread
    /// spent off the CPU meanwhile.
    /// </summary>
    public long LongestZapHold;
    public long Yields;
    public long HugeSplits;
    /// <summary>TDP: tables made for a place that somebody else filled first.</summary>
    public long LinksLost;
    public long HugeMerges;
    public long WriteProtected;
    /// <summary>Shadow paging: shadow pages made,</summary>
    public long ShadowPagesMade;
    /// <summary>zapped for whatever reason,</summary>
    public long ShadowPagesZapped;
    /// <summary>among them to make room,</summary>
    public long ShadowPagesReclaimed;
    /// <summary>and because their tables were written as no table is.</summary>
    public long WriteFloods;
    /// <summary>Shadow paging: tables the guest was let write to,</summary>
    public long UnsyncMarked;
    /// <summary>and read again at a fence.</summary>
    public long PagesSynced;
    /// <summary>Shadow paging: times all SPTEs of a gfn were dropped because there were too many.</summary>
    public long RmapsRecycled;
}
