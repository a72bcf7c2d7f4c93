namespace Warren.Hypervisor;

/// <summary>What happened to a VM's page tables outside its vCPUs. Statistics: racing increments may be lost, nothing depends on them.</summary>
public struct MmuCounters
{
    /// <summary>Leaves removed by notifications.</summary>
    public long SptesUnmapped;
    /// <summary>Entries removed with the root they hung in.</summary>
    public long SptesZapped;
    public long RootsAllocated;
    public long RootsInvalidated;
    public long FastZaps;
    public long Yields;
    public long HugeSplits;
    public long HugeMerges;
    public long WriteProtected;
}
