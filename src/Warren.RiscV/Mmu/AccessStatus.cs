namespace Warren.RiscV.Mmu;

/// <summary>How a walk or an access ended.</summary>
internal enum AccessStatus
{
    Ok,

    /// <summary>The page tables forbid it: page fault of the access's kind.</summary>
    PageFault,

    /// <summary>Nothing, or nothing that can do this, at the physical address: access fault of the access's kind.</summary>
    AccessFault,

    /// <summary>The vCPU must stop; the instruction has done nothing and is to be run again.</summary>
    Stopped,

    /// <summary>
    /// Other harts or the host kept taking away what the instruction needs. It has done nothing and is to be run again, by way of the
    /// dispatcher, so that nobody can keep a hart from seeing its requests.
    /// </summary>
    Contended,

    /// <summary>A write to a page that holds tables of the guest which are shadowed: it must be told to the shadow.</summary>
    Tracked,
}
