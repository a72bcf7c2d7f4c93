namespace Warren.Lab;

/// <summary>The race detector's record of one thread.</summary>
internal sealed class ThreadClock
{
    private bool _effect;
    private bool _store;

    internal ThreadClock(int index)
    {
        Index = index;
        Clock[index] = 1;
    }

    internal int Index { get; }

    /// <summary>The part of each thread that has happened before its next step; its own entry counts its releases.</summary>
    internal int[] Clock { get; } = new int[ScheduleState.MaxActors];

    internal int Now => Clock[Index];

    /// <summary>The store of the next step stays in the store buffer.</summary>
    internal bool Buffering { get; set; }

    /// <summary>One entry per buffered store: the place it releases, if any, and the clock it was made at.</summary>
    internal Queue<(RacePlace? Place, int[]? Clock)> Buffer { get; } = new();

    /// <summary>The sequence counts whose write section it is in.</summary>
    internal List<RacePlace> Writing { get; } = [];

    /// <summary>The read sections of sequence counts it is in, innermost last.</summary>
    internal List<SequenceRead> Reading { get; } = [];

    /// <summary>A torn read section that it was told to repeat and has not yet.</summary>
    internal SequenceRead? Refused { get; set; }

    internal bool IsReadingSequence => Reading.Count > 0;

    /// <summary>True when it has written something since it was told to repeat its read.</summary>
    internal bool HasStoredSinceRefused => _store;

    /// <summary>The same, or updated something, as a count of retries is.</summary>
    internal bool HasActedSinceRefused => _store || _effect;

    /// <param name="width">Threads there are.</param>
    internal void Join(int[] other, int width)
    {
        for (var i = 0; i < width; i++)
            Clock[i] = Math.Max(Clock[i], other[i]);
    }

    internal void Tick() => Clock[Index]++;

    internal void NoteEffect(bool update)
    {
        if (update)
            _effect = true;
        else
            _store = true;
    }

    internal void Refuse(SequenceRead read)
    {
        Refused = read;
        _effect = _store = false;
    }

    internal void ForgetRefused() => Refused = null;

    /// <summary>True when the store is buffered; if so its release is remembered until it is performed.</summary>
    internal bool TakeBuffered(RacePlace? place = null)
    {
        if (!Buffering)
            return false;
        Buffering = false;
        Buffer.Enqueue((place, place is null ? null : [.. Clock]));
        return true;
    }

    internal void Reset(int index)
    {
        Array.Clear(Clock);
        Clock[index] = 1;
        Buffering = false;
        Buffer.Clear();
        Writing.Clear();
        Reading.Clear();
        Refused = null;
        _effect = _store = false;
    }
}
