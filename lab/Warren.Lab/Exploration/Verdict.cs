namespace Warren.Lab;

/// <summary>The kind of fault of a schedule.</summary>
public enum VerdictKind
{
    /// <summary>An invariant of the scenario or of a monitor does not hold.</summary>
    Invariant,

    /// <summary>A thread ended with an exception, an assertion of a lock included.</summary>
    Exception,

    /// <summary>Threads wait for each other, none can go on.</summary>
    Deadlock,

    /// <summary>
    /// Threads run, yet none gets anywhere whatever the fair order: certified by an await loop nobody can end, or a repeated state.
    /// </summary>
    Livelock,

    /// <summary>Under a fair order one thread makes no progress while others complete operations again and again.</summary>
    Starvation,

    /// <summary>A sleeper whose condition is true, and nobody left to wake it.</summary>
    LostWakeUp,

    /// <summary>A thread ended, or a call returned, with a lock held.</summary>
    LockLeak,

    /// <summary>The validator found a cycle or an undeclared nesting in the order of lock classes.</summary>
    LockOrder,

    /// <summary>Something that may sleep under a spinning lock.</summary>
    SleepInAtomic,

    /// <summary>Memory used after the grace period that freed it, or a frame after it was freed.</summary>
    UseAfterFree,

    /// <summary>An end without a start, or a start without an end.</summary>
    UnbalancedNotification,

    /// <summary>Data read under a sequence count was used although a writer had been about.</summary>
    TornRead,

    /// <summary>Two accesses to a shared field, one a write, that nothing orders.</summary>
    DataRace,

    /// <summary>
    /// The scenario itself is at fault: it did something else on replay, touched shared state without a step, or never ended.
    /// </summary>
    Scenario,
}

/// <param name="Kind">What is wrong.</param>
/// <param name="Sentence">One sentence that names the objects and threads concerned.</param>
/// <param name="Details">More lines: a wait-for graph, a lock-order report, a certificate; may be empty.</param>
public sealed record Verdict(VerdictKind Kind, string Sentence, string Details = "");
