namespace Warren.Lab.Mutation;

/// <summary>The ways in which a trial can end.</summary>
public enum MutantOutcome
{
    /// <summary>A scenario ended with a verdict on it: of the protocol, not of the scenario.</summary>
    Killed,

    /// <summary>Executed, and nobody noticed.</summary>
    Survived,

    /// <summary>No schedule of any scenario executes it.</summary>
    NotReached,

    /// <summary>It took so much longer than the code as it is that it was given up, or a thread never came back. Kills nothing.</summary>
    TimedOut,

    /// <summary>
    /// Scenarios could not be played on it (one threw while it was built, or did something else when repeated), and no other noticed. Kills
    /// nothing.
    /// </summary>
    Faulted,

    /// <summary>It ended the process. Kills nothing.</summary>
    Crashed,
}

/// <summary>How a mutant fared.</summary>
/// <param name="Scenario">That killed it, or that was the last when it ended otherwise.</param>
/// <param name="Verdict">Of the killer.</param>
/// <param name="Sentence">Of the killer, or what went wrong.</param>
/// <param name="Schedules">Executed, over all scenarios.</param>
/// <param name="Seconds">Of CPU.</param>
/// <param name="Scenarios">Of what was tried, a hash: other scenarios may notice what these did not.</param>
public sealed record MutantResult(MutantOutcome Outcome, string? Scenario, VerdictKind? Verdict, string? Sentence, long Schedules,
    double Seconds, string Scenarios);
