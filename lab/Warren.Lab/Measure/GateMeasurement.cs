using System.Threading;
using Warren.Hypervisor.Invalidation;

namespace Warren.Lab;

/// <summary>The task of <see cref="GateMeasure.Run"/>.</summary>
public sealed record MeasureOptions
{
    /// <summary>Which gates, in this order; those of <see cref="GateFactory.Correct"/> by default. A broken one measures nothing.</summary>
    public IReadOnlyList<GateKind> Gates { get; init; } = GateFactory.Correct;

    /// <summary>For each gate, at least 50 ms: half of it for the storm, an eighth for each thing alone.</summary>
    public TimeSpan TimePerGate { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>VMs in the address space, at least one. The first is measured; the others only are there.</summary>
    public int Vms { get; init; } = 8;

    /// <summary>Threads that notify in the storm without end, of memory that is no VM's; at least two overlap.</summary>
    public int StormThreads { get; init; } = 3;

    public CancellationToken Cancellation { get; init; }
}

/// <summary>Rates per second of wall time.</summary>
/// <param name="Unrelated">Invalidations of pages that no slot has.</param>
/// <param name="Related">Invalidations of a page of the measured VM's slot, each of which zaps.</param>
/// <param name="Faults">Page faults of a vCPU that installed a mapping.</param>
/// <param name="Updates">Memslot updates: creations and deletions in turn.</param>
public sealed record GateRates(double Unrelated, double Related, double Faults, double Updates);

/// <summary>How one gate fared.</summary>
/// <param name="Gate">Its name.</param>
/// <param name="Alone">Each thing alone, one thread at a time.</param>
/// <param name="Storm">All at once.</param>
/// <param name="MedianUpdate">Of a memslot update in the storm.</param>
/// <param name="WorstUpdate">The slowest one, one that was still waiting when the storm was over included.</param>
/// <param name="StormTime">How long the storm lasted: a worst update of about this starved.</param>
public sealed record GateMeasurement(string Gate, GateRates Alone, GateRates Storm, TimeSpan MedianUpdate, TimeSpan WorstUpdate,
    TimeSpan StormTime)
{
    /// <summary>True when some update got nowhere for nine tenths of the storm.</summary>
    public bool Starved => WorstUpdate > StormTime * 0.9;
}
