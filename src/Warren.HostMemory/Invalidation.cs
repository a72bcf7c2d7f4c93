namespace Warren.HostMemory;

/// <summary>An invalidation between its start and its end, in the hands of whoever changes the address space.</summary>
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
