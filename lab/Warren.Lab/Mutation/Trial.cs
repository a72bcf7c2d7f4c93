namespace Warren.Lab.Mutation;

/// <summary>A request to a worker: to try one mutant, or (no mutant) to tell what a scenario reaches.</summary>
/// <param name="Mutant">Its number, or <see cref="MutantSwitch.Original"/>.</param>
/// <param name="Weak">Stores are buffered.</param>
/// <param name="Scenarios">Cheapest first.</param>
internal sealed record TrialRequest(int Mutant, bool Weak, IReadOnlyList<TrialScenario> Scenarios)
{
    /// <summary>In seconds of CPU, of all scenarios together.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    internal double Limit => Scenarios.Sum(s => s.Limit);
}

/// <param name="Limit">Seconds of CPU after which the scenario is given up, in either of its two turns.</param>
internal sealed record TrialScenario(string Name, double Limit);

/// <param name="Sites">Of a scenario: what it reaches.</param>
/// <param name="Tainted">The process is not as it was: no other mutant may be tried in it.</param>
internal sealed record TrialAnswer(MutantOutcome Outcome, string? Scenario, VerdictKind? Verdict, string? Sentence, long Schedules,
    double Seconds, IReadOnlyList<int> Sites, bool Tainted);

/// <summary>Tries mutants, one at a time.</summary>
internal interface IMutantWorker : IDisposable
{
    /// <exception cref="OperationCanceledException">Given up, since nobody wants the answer any more.</exception>
    TrialAnswer Try(TrialRequest request, System.Threading.CancellationToken cancellation);
}
