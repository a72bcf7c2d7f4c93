namespace Warren.HostMemory;

/// <summary>One notification between its start and its end, on the thread that runs it.</summary>
public readonly ref struct Invalidation
{
    internal readonly MmuNotifierRange Range;
    internal readonly RegionBuffer? Buffer;
    internal readonly int From;
    internal readonly int To;

    internal Invalidation(in MmuNotifierRange range, RegionBuffer? buffer, int from, int to)
    {
        Range = range;
        Buffer = buffer;
        From = from;
        To = to;
    }
}
