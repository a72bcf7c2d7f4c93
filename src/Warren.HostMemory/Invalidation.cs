namespace Warren.HostMemory;

/// <summary>One notification between its start and its end.</summary>
public readonly ref struct Invalidation
{
    internal readonly InvalidationRecord Record;
    internal readonly long Turn;

    internal Invalidation(InvalidationRecord record)
    {
        Record = record;
        Turn = record.Turn;
    }
}
