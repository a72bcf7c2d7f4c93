using System.Threading;

namespace Warren.Lab.Mutation;

/// <summary>The places with mutants that one scenario reaches, and what that took.</summary>
internal sealed record ScenarioCoverage(string Scenario, IReadOnlyList<int> Sites, long Schedules, double Seconds);

/// <summary>Which scenarios reach which mutants.</summary>
internal sealed record CoverageMap(IReadOnlyList<ScenarioCoverage> Scenarios)
{
    private ILookup<int, ScenarioCoverage>? _bySite;

    /// <summary>Those that execute the mutant, the cheapest first.</summary>
    internal IReadOnlyList<ScenarioCoverage> Reaching(Mutant mutant)
    {
        _bySite ??= Scenarios.OrderBy(s => s.Seconds).SelectMany(s => s.Sites.Select(site => (site, s))).ToLookup(p => p.site, p => p.s);
        return [.. _bySite[MutantWriter.SiteOf(mutant)]];
    }

    /// <summary>Explores every scenario on the code as it is.</summary>
    /// <exception cref="VariantException">One does not pass.</exception>
    internal static CoverageMap Measure(IReadOnlyList<string> scenarios, IReadOnlyList<IMutantWorker> workers, Action<string>? progress,
        CancellationToken cancellation)
    {
        var results = new ScenarioCoverage?[scenarios.Count];
        var done = 0;
        WorkerThreads.ForEach(workers, scenarios.Count, (worker, i) =>
        {
            const double Limit = 600;
            var answer = worker.Try(new(MutantSwitch.Original, Weak: false, [new(scenarios[i], Limit)]), cancellation);
            if (answer.Outcome != MutantOutcome.Survived)
            {
                throw new VariantException(
                    $"{scenarios[i]} could not be explored on the code as it is with the mutants in it switched off: {answer.Sentence}.");
            }

            results[i] = new(scenarios[i], answer.Sites, answer.Schedules, answer.Seconds);
            progress?.Invoke($"what scenarios reach: {Interlocked.Increment(ref done)} of {scenarios.Count}");
        }, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return new([.. results.OfType<ScenarioCoverage>()]);
    }

    /// <exception cref="VariantException">The file cannot be written.</exception>
    internal void Save(string file) => KeptFile.Write(file, this, MutationSerializer.Default.CoverageMap);

    /// <summary>Reads the file that <see cref="Save"/> wrote, or null.</summary>
    internal static CoverageMap? Load(string file) =>
        KeptFile.Read(file, MutationSerializer.Default.CoverageMap) is { Scenarios: { } kept } map
        && kept.All(s => s is { Scenario: not null, Sites: not null }) ? map : null;
}
