using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// One notification between its start and its end: what it covers, the regions its start found, and the notifiers it has entered, which are
/// the ones its end must leave. Records are pooled per thread, so that a notification allocates nothing.
/// </summary>
internal sealed class InvalidationRecord
{
    [ThreadStatic]
    private static InvalidationRecord? t_free;

    private MmuNotifier?[] _entered = new MmuNotifier?[4];
    private int _enteredCount;
    private InvalidationRecord? _nextFree;
    private MmuNotifierEvent _event;
    private bool _blockable;

    internal RegionBuffer Regions { get; } = new();

    /// <summary>Neighbours in the list of <see cref="InFlightInvalidations"/>, under its lock.</summary>
    internal InvalidationRecord? Next;

    internal InvalidationRecord? Previous;

    /// <summary>First address; fixed, as all that describes the range, while the record is in the list.</summary>
    internal Hva Start { get; private set; }

    /// <summary>Address after the last.</summary>
    internal Hva End { get; private set; }

    /// <summary>The range as notifiers are passed it.</summary>
    internal MmuNotifierRange Range => new(this, _event, _blockable);

    /// <summary>The notification this record stands for now; tells a stale handle from a live one.</summary>
    internal long Turn { get; private set; }

    /// <summary>See <see cref="MmuNotifierRange.Id"/>; fixed while the record is in the list.</summary>
    internal long Id { get; set; }

    /// <summary>Notifiers entered so far. Under the lock of the list; once the record is out of it, its thread alone reads it.</summary>
    internal int EnteredCount => Shared.Read(ref _enteredCount, this);

    internal static InvalidationRecord Take()
    {
        var record = t_free;
        if (record is null)
            return new InvalidationRecord();
        t_free = record._nextFree;
        return record;
    }

    internal void Describe(in MmuNotifierRange range)
    {
        Start = range.Start;
        End = range.End;
        _event = range.Event;
        _blockable = range.Blockable;
    }

    /// <summary>Gives the record back to the calling thread's pool, with nothing in it.</summary>
    internal void Return()
    {
        Turn++;
        if (Regions.Count != 0)
            Regions.Clear();
        if (_enteredCount != 0)
        {
            Array.Clear(_entered, 0, _enteredCount);
            Shared.Write(ref _enteredCount, 0, this);
        }

        _nextFree = t_free;
        t_free = this;
    }

    internal MmuNotifier Entered(int index) => Shared.Read(ref _entered[index], _entered)!;

    /// <summary>Puts the notifier among those that will be told the end, unless it is there. Under the lock of the list.</summary>
    internal void Enter(MmuNotifier notifier)
    {
        var count = Shared.Read(ref _enteredCount, this);
        for (var i = 0; i < count; i++)
        {
            if (Shared.Read(ref _entered[i], _entered) == notifier)
                return;
        }

        if (count == _entered.Length)
            Array.Resize(ref _entered, count * 2);
        Shared.Write(ref _entered[count], notifier, _entered);
        Shared.Write(ref _enteredCount, count + 1, this);
    }
}
