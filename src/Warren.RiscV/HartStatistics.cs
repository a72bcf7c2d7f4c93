namespace Warren.RiscV;

/// <summary>Counts since the hart was made; read at any time, exact while it does not run.</summary>
public readonly record struct HartStatistics
{
    /// <summary>Data accesses that missed the TLB.</summary>
    public long TlbMisses { get; init; }

    /// <summary>Guest page-table walks.</summary>
    public long PageWalks { get; init; }

    /// <summary>Accesses that went to a device, or to nothing.</summary>
    public long MmioAccesses { get; init; }

    public long BlocksDecoded { get; init; }

    /// <summary>Times the arena of decoded blocks was full and dropped.</summary>
    public long ArenaDrops { get; init; }

    /// <summary>Block boundaries that needed the dispatcher.</summary>
    public long Dispatches { get; init; }

    /// <summary>Full TLB flushes, asked for by the guest or by the hypervisor.</summary>
    public long TlbFlushes { get; init; }

    public long Exceptions { get; init; }

    public long Interrupts { get; init; }
}
