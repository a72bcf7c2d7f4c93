namespace Warren.Hypervisor.Vcpus;

/// <summary>One entry of a guest's page table, decoded.</summary>
public readonly struct GuestPte
{
    /// <summary>The entry maps something. False also for what the ISA reserves: a walk that meets it faults.</summary>
    public bool IsPresent { get; init; }
    /// <summary>It maps memory; otherwise it points at the next lower table. An entry of level 1 that is present is a leaf.</summary>
    public bool IsLeaf { get; init; }
    /// <summary>
    /// Of the next table; or of the first page that the leaf maps, aligned as its level wants. Where several entries stand for one larger
    /// leaf (Svnapot): of the very page of this entry's index.
    /// </summary>
    public Gfn Gfn { get; init; }
    /// <summary>Of a leaf, whatever A and D say.</summary>
    public GuestRights Rights { get; init; }
    public bool Accessed { get; init; }
    public bool Dirty { get; init; }
}
