namespace Warren.Lab;

/// <summary>A place in memory, or a lock, as the race detector knows it: what orders accesses to it and who accessed it last. Clocks are per thread; 0: never.</summary>
internal sealed class Location
{
    /// <summary>Most threads of a schedule, callbacks included.</summary>
    internal const int MaxThreads = 32;

    internal object? Owner;
    internal nint Offset;

    /// <summary>What a reader of the place, or the next exclusive holder of the lock, has happened before it.</summary>
    internal readonly int[] Release = new int[MaxThreads];

    /// <summary>For locks: what the shared holders and SRCU readers that left had behind them.</summary>
    internal int[]? ReadRelease;

    /// <summary>For SRCU: what those that queued callbacks had.</summary>
    internal int[]? CallRelease;

    /// <summary>The last plain write: thread, or -1; its clock; its place in the schedule.</summary>
    internal int Writer = -1;
    internal int WriteClock;
    internal AccessSite WriteSite;

    internal Accesses? PlainReads;
    internal Accesses? AtomicReads;
    internal Accesses? AtomicWrites;

    /// <summary>Plain reads that a sequence count validated, and that count: who writes inside it does not race with them.</summary>
    internal Accesses? SequenceReads;
    internal Location? Sequence;

    internal void Reset()
    {
        Array.Clear(Release);
        if (ReadRelease is not null)
            Array.Clear(ReadRelease);
        if (CallRelease is not null)
            Array.Clear(CallRelease);
        Owner = null;
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
    internal readonly int[] Clocks = new int[Location.MaxThreads];
    internal readonly AccessSite[] Sites = new AccessSite[Location.MaxThreads];

    /// <summary>One past the last thread with an access.</summary>
    internal int Threads;

    internal void Add(int thread, int clock, AccessSite site)
    {
        Clocks[thread] = clock;
        Sites[thread] = site;
        if (thread >= Threads)
            Threads = thread + 1;
    }

    internal void Clear()
    {
        Array.Clear(Clocks, 0, Threads);
        Array.Clear(Sites, 0, Threads);
        Threads = 0;
    }

    /// <summary>A thread other than <paramref name="self"/> whose last access is not ordered before the given clock, or -1.</summary>
    internal int FirstUnordered(int self, int[] clock)
    {
        for (var thread = 0; thread < Threads; thread++)
        {
            if (thread != self && Clocks[thread] > clock[thread])
                return thread;
        }

        return -1;
    }
}

/// <param name="Step">Number of the step in the schedule, from 1.</param>
/// <param name="Source">The code that made it, where recorded.</param>
internal readonly record struct AccessSite(int Step, string? Source);
