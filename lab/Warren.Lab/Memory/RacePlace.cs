namespace Warren.Lab;

/// <summary>
/// A location as the race detector knows it: what orders accesses to it, and who accessed it last. Clocks are per thread; 0: never.
/// </summary>
internal sealed class RacePlace(int index)
{
    /// <summary>Of the location in the state.</summary>
    internal int Index { get; } = index;

    /// <summary>The releases that a reader of the place, or the next exclusive holder of the lock, comes after.</summary>
    internal readonly int[] Release = new int[ScheduleState.MaxActors];

    /// <summary>For locks: what the shared holders and SRCU readers that left had behind them.</summary>
    internal int[]? ReadRelease;

    /// <summary>For SRCU: what those that queued callbacks had.</summary>
    internal int[]? CallRelease;

    /// <summary>The last plain write (of a sequence count: the last step of a writer): thread, or -1; its clock; where.</summary>
    internal int Writer = -1;
    internal int WriteClock;
    internal AccessSite WriteSite;

    internal Accesses? PlainReads;
    internal Accesses? AtomicReads;
    internal Accesses? AtomicWrites;

    /// <summary>Plain reads that a sequence count validated, and that count: who writes inside it does not race with them.</summary>
    internal Accesses? SequenceReads;
    internal RacePlace? Sequence;

    /// <param name="threads">There were so many.</param>
    internal void Reset(int threads)
    {
        Array.Clear(Release, 0, threads);
        if (ReadRelease is not null)
            Array.Clear(ReadRelease, 0, threads);
        if (CallRelease is not null)
            Array.Clear(CallRelease, 0, threads);
        Sequence = null;
        ForgetAccesses();
    }

    /// <summary>Another object begins its life here.</summary>
    internal void ForgetAccesses()
    {
        Writer = -1;
        WriteClock = 0;
        WriteSite = default;
        PlainReads?.Clear();
        AtomicReads?.Clear();
        AtomicWrites?.Clear();
        SequenceReads?.Clear();
    }
}

/// <summary>The last access of one kind by each thread.</summary>
internal sealed class Accesses
{
    private readonly int[] _clocks = new int[ScheduleState.MaxActors];
    private readonly AccessSite[] _sites = new AccessSite[ScheduleState.MaxActors];

    /// <summary>One past the last thread with an access.</summary>
    private int _threads;

    internal AccessSite SiteOf(int thread) => _sites[thread];

    internal void Add(int thread, int clock, AccessSite site)
    {
        _clocks[thread] = clock;
        _sites[thread] = site;
        if (thread >= _threads)
            _threads = thread + 1;
    }

    internal void Clear()
    {
        Array.Clear(_clocks, 0, _threads);
        Array.Clear(_sites, 0, _threads);
        _threads = 0;
    }

    /// <summary>A thread other than <paramref name="self"/> whose last access is not ordered before the given clock, or -1.</summary>
    internal int FirstUnordered(int self, int[] clock)
    {
        for (var thread = 0; thread < _threads; thread++)
        {
            if (thread != self && _clocks[thread] > clock[thread])
                return thread;
        }

        return -1;
    }
}

/// <param name="Step">Number of the step: in the trace, from 1, where one is written, else in the schedule.</param>
/// <param name="Source">The code that made it, where recorded.</param>
internal readonly record struct AccessSite(long Step, string? Source)
{
    /// <summary>The step that was just made.</summary>
    internal static AccessSite Of(ScheduleState state) =>
        state.Recorder is { Count: > 0 } recorder ? new(recorder.Count, recorder.LastSource) : new(state.Steps, null);

    /// <summary>A line of a report.</summary>
    internal string Line(string thread, string what)
    {
        var where = string.IsNullOrEmpty(Source) ? "" : $", {Source}";
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"  {thread}: {what} at step {Step}{where}");
    }
}
