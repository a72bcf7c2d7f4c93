using System.Threading;

namespace Warren.Lab;

/// <summary>How schedules are chosen.</summary>
public enum SearchStrategy
{
    /// <summary>Exhaustive with rising bound, then the random ones in turn.</summary>
    Portfolio,

    /// <summary>Every schedule with at most so many preemptions, up to equivalence.</summary>
    Exhaustive,

    /// <summary>Uniform choice at every step.</summary>
    Random,

    /// <summary>Random priorities with a few random change points (probabilistic concurrency testing).</summary>
    Pct,

    /// <summary>Random priorities of steps, drawn anew where steps race (partial-order sampling).</summary>
    PartialOrderSampling,
}

/// <summary>The task of <see cref="Explorer.Explore"/>; the first limit reached ends it.</summary>
public sealed record ExplorationOptions
{
    public SearchStrategy Strategy { get; init; } = SearchStrategy.Portfolio;

    /// <summary>For the exhaustive search, 0 to 3 make sense.</summary>
    public int PreemptionBound { get; init; } = 2;

    /// <summary>A portfolio ends when its exhaustive search has covered the bound; else it goes on at random.</summary>
    public bool UntilCovered { get; init; }

    public long MaxSchedules { get; init; } = long.MaxValue;

    public TimeSpan? Time { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>Stores wait in a buffer per thread and are performed later, as on x86.</summary>
    public bool WeakMemory { get; init; }

    /// <summary>Report unordered accesses to shared fields.</summary>
    public bool DataRaces { get; init; } = true;

    /// <summary>Have the validator watch the schedules too.</summary>
    public bool LockOrder { get; init; } = true;

    /// <summary>Reduce a failing schedule to the fewest preemptions and threads.</summary>
    public bool Minimise { get; init; } = true;

    /// <summary>A schedule of more steps is given up as one that never ends. Loops that get nowhere are recognised long before.</summary>
    public int MaxSteps { get; init; } = 100_000;

    /// <summary>From this step on the order of a schedule is fair instead of searched, and repetition is a verdict.</summary>
    public int FairAfter { get; init; } = 4_000;

    /// <summary>Repetitions under a fair order, of a state or of a thread's step, that make a livelock or starvation.</summary>
    public int StarvationRounds { get; init; } = 64;

    /// <summary>A thread that makes no step for so long is taken to be blocked where the explorer cannot see it.</summary>
    public TimeSpan StallTime { get; init; } = TimeSpan.FromSeconds(10);

    public CancellationToken Cancellation { get; init; }
}

/// <param name="Scenario">Its name.</param>
/// <param name="Schedules">Executed, without those of the minimiser.</param>
/// <param name="Steps">Executed in them.</param>
/// <param name="CompletedBound">The greatest b for which every schedule with at most b preemptions was covered; -1 when none.</param>
/// <param name="Exhausted">No schedule was cut off by the bound: the search is complete for every bound.</param>
/// <param name="Failure">The minimised failing schedule, or null.</param>
/// <param name="Elapsed">Wall time.</param>
public sealed record ExplorationResult(string Scenario, long Schedules, long Steps, int CompletedBound, bool Exhausted, Trace? Failure,
    TimeSpan Elapsed);
