using System.Threading;
using Warren.Lab.Fuzz;

namespace Warren.Lab.Mutation;

/// <summary>Tries mutants in this process, in a context that has them all.</summary>
internal sealed class LocalWorker(MutantBuild build) : IMutantWorker
{
    private const int Bound = 2;

    /// <summary>A first look at each scenario: most of what is found shows in its first schedules.</summary>
    private const int GlanceSchedules = 100;

    /// <summary>Half of them exhaustive up to the bound, where that is not over sooner, and half at random.</summary>
    private const int FullSchedules = 1_000;

    private const int ControlSchedules = 5;

    private readonly VariantContext _context = new(build.Assemblies);

    public TrialAnswer Try(TrialRequest request, CancellationToken cancellation)
    {
        var before = Environment.CpuUsage.TotalTime;
        var answer = request.Mutant == MutantSwitch.Original
            ? Cover(request, cancellation)
            : new Session(this, request, cancellation).Run();
        return answer with { Seconds = (Environment.CpuUsage.TotalTime - before).TotalSeconds };
    }

    public void Dispose() => _context.Dispose();

    /// <summary>The same schedules as a mutant is given: one that is reached in none of them changes nothing there.</summary>
    private TrialAnswer Cover(TrialRequest request, CancellationToken cancellation)
    {
        var sites = new SortedSet<int>();
        long schedules = 0;
        foreach (var scenario in request.Scenarios)
        {
            foreach (var limit in (int[])[GlanceSchedules, FullSchedules])
            {
                var (result, reached) =
                    _context.Cover(Request(scenario.Name, limit, MutantSwitch.Original, request.Weak), build.Live[^1] + 1, cancellation);
                if (result.Failure?.Verdict is { } verdict)
                {
                    throw new VariantException(
                        $"The code as it is, with the mutants in it switched off, does not pass {scenario.Name}: {verdict.Sentence}");
                }

                sites.UnionWith(reached);
                schedules += result.Schedules;
            }
        }

        return new(MutantOutcome.Survived, null, null, null, schedules, 0, [.. sites], Tainted: false);
    }

    private static ContextRequest Request(string scenario, int schedules, int mutant, bool weak) =>
        ContextRequest.From(scenario, new ExplorationOptions
        {
            PreemptionBound = schedules == FullSchedules ? Bound : 1,
            UntilCovered = true,
            MaxSchedules = schedules,
            WeakMemory = weak,
            Minimise = false,
        }) with
        {
            Mutant = mutant,
        };

    /// <summary>One mutant.</summary>
    private sealed class Session(LocalWorker worker, TrialRequest request, CancellationToken cancellation)
    {
        private readonly HashSet<string> _faults = [];
        private readonly HashSet<string> _slow = [];
        private long _schedules;
        private string? _fault;

        internal TrialAnswer Run()
        {
            // Whoever wrote a scenario knew what for: it says more, and comes first.
            foreach (var isGenerated in (bool[])[false, true])
            {
                foreach (var schedules in (int[])[GlanceSchedules, FullSchedules])
                {
                    if (Play(request.Scenarios.Where(s => IsGenerated(s) == isGenerated), schedules) is { } answer)
                        return answer;
                }
            }

            return _fault is not null
                ? Answer(MutantOutcome.Faulted, _faults.First(), VerdictKind.Scenario, _fault, IsTainted(_faults.First()))
                : _slow.Count > 0 ? Answer(MutantOutcome.TimedOut, _slow.First(), null,
                    "schedules took many times as long as on the code as it is", tainted: false)
                : Answer(MutantOutcome.Survived, null, null, null, tainted: false);
        }

        private static bool IsGenerated(TrialScenario scenario) =>
            scenario.Name.StartsWith(GeneratedScenarios.Prefix, StringComparison.Ordinal);

        private TrialAnswer? Play(IEnumerable<TrialScenario> scenarios, int schedules)
        {
            foreach (var scenario in scenarios.Where(s => !_faults.Contains(s.Name) && !_slow.Contains(s.Name)))
            {
                cancellation.ThrowIfCancellationRequested();
                if (Explore(scenario.Name, schedules, TimeSpan.FromSeconds(scenario.Limit)) is { } answer)
                    return answer;
            }

            return null;
        }

        private TrialAnswer? Explore(string scenario, int schedules, TimeSpan limit)
        {
            ExplorationResult result;
            using var budget = new CpuBudget(limit, cancellation);
            try
            {
                result = worker._context.Explore(Request(scenario, schedules, request.Mutant, request.Weak), null, budget.Token);
            }
            catch (VariantException e)
            {
                _faults.Add(scenario);
                _fault ??= e.Message.Split('\n')[0];
                return null;
            }

            _schedules += result.Schedules;
            cancellation.ThrowIfCancellationRequested();
            if (budget.IsSpent)
                _slow.Add(scenario);
            if (result.Failure is not { Verdict: { } verdict } failure)
                return null;
            if (verdict.Kind == VerdictKind.Scenario)
            {
                // Without a replay string the explorer has lost a thread: it is still running somewhere.
                if (failure.Replay.Length == 0)
                    return Answer(MutantOutcome.TimedOut, scenario, verdict.Kind, verdict.Sentence, tainted: true);
                _faults.Add(scenario);
                _fault ??= verdict.Sentence;
                return null;
            }

            if (request.Weak && Original(scenario, schedules) is not null)
                return null;
            return Answer(MutantOutcome.Killed, scenario, verdict.Kind, verdict.Sentence, IsTainted(scenario));
        }

        /// <summary>True where something that the mutant did outlives it: the original no longer passes.</summary>
        private bool IsTainted(string scenario)
        {
            try
            {
                return Original(scenario, ControlSchedules) is not null;
            }
            catch (VariantException)
            {
                return true;
            }
        }

        private Verdict? Original(string scenario, int schedules) =>
            worker._context.Explore(Request(scenario, schedules, MutantSwitch.Original, request.Weak), null, cancellation).Failure?.Verdict;

        private TrialAnswer Answer(MutantOutcome outcome, string? scenario, VerdictKind? verdict, string? sentence, bool tainted) =>
            new(outcome, scenario, verdict, sentence, _schedules, 0, [], tainted);
    }
}
