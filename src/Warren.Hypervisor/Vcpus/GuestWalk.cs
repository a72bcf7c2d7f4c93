namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// The result of a walk of the guest's tables, filled in by an engine (<see cref="IVcpuEngine.WalkGuest"/>). The shadow MMU reads every
/// entry of it again under <c>mmu_lock</c> before it builds on it.
/// </summary>
public unsafe struct GuestWalk
{
    /// <summary>Levels of the root that was walked, 3 to 5; 0: no translation.</summary>
    public int RootLevel;
    /// <summary>Level of the entry that is the leaf: 1 for 4 KiB, 2 for 2 MiB, and so on. Svnapot: 1.</summary>
    public int LeafLevel;
    /// <summary>Of the page accessed, also in the middle of a large leaf.</summary>
    public Gfn Gfn;
    /// <summary>The leaf, decoded from its entry of <see cref="Entries"/>.</summary>
    public GuestPte Leaf;
    /// <summary>
    /// By level, <see cref="RootLevel"/> down to <see cref="LeafLevel"/>: the gfn, as a number, of the table of that level. [0] is not
    /// used.
    /// </summary>
    public fixed ulong TableGfn[6];
    /// <summary>By level likewise: the entry as it stands in memory, after A and D were set.</summary>
    public fixed ulong Entries[6];
}

/// <summary>How a walk of the guest's tables ended.</summary>
public enum GuestWalkStatus
{
    Ok,
    /// <summary>The guest's own tables forbid it: the guest gets a page fault.</summary>
    PageFault,
    /// <summary>A table lies where no memory is: the guest gets an access fault.</summary>
    AccessFault,
    /// <summary>Something moved underneath: the access starts again.</summary>
    Retry,
}
