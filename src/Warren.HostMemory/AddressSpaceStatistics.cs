using System.Runtime.InteropServices;

namespace Warren.HostMemory;

/// <summary>Events in an address space since it was made.</summary>
public readonly record struct AddressSpaceStatistics(
    long DemandZeroFaults,
    long HugeFaults,
    long FileFaults,
    long CowBreaks,
    long MinorFaults,
    long FailedFaults,
    long PagesDiscarded)
{
    /// <summary>Faults that were answered with a frame, whatever the kind.</summary>
    public long Faults => DemandZeroFaults + HugeFaults + FileFaults + CowBreaks + MinorFaults;
}

/// <summary>The counters behind it, apart from the lines that faults otherwise share.</summary>
[StructLayout(LayoutKind.Explicit, Size = 192)]
internal struct FaultCounters
{
    [FieldOffset(64)]
    internal long DemandZero;

    [FieldOffset(72)]
    internal long Huge;

    [FieldOffset(80)]
    internal long File;

    [FieldOffset(88)]
    internal long CowBreaks;

    [FieldOffset(96)]
    internal long Minor;

    [FieldOffset(104)]
    internal long Failed;

    [FieldOffset(112)]
    internal long Discarded;
}
