using System.Diagnostics;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>One call of <see cref="Explorer.Explore"/>: searches one after the other on one engine, within the limits.</summary>
internal sealed class Exploration : IDisposable
{
    /// <summary>Without any limit given, the searches that could go on for ever stop here.</summary>
    private const long DefaultSchedules = 10_000;

    private const string DiffersByItself =
        "The same decisions did not lead to the same steps again: the scenario touches shared state without a step, or depends on time, "
        + "chance or what earlier schedules left behind.";

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);

    private readonly Scenario _scenario;
    private readonly ExplorationOptions _options;
    private readonly Engine _engine;
    private readonly CheckHook _before;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly long _maxSchedules;
    private readonly IProgress<ExplorationResult>? _progress;
    private TimeSpan _reported;
    private int _completedBound = -1;
    private long _secondLooks;
    private bool _exhausted;

    internal Exploration(Scenario scenario, ExplorationOptions options, IProgress<ExplorationResult>? progress = null)
    {
        if (!Check.Steps)
        {
            throw new InvalidOperationException(
                "Schedules can only be explored where steps are reported: set the AppContext switch Warren.Check.Steps before the first "
                    + "lock is used.");
        }
        (_scenario, _options, _progress) = (scenario, options, progress);
        _maxSchedules = options.MaxSchedules == long.MaxValue && options.Time is null && options.Strategy != SearchStrategy.Exhaustive
            ? DefaultSchedules : options.MaxSchedules;
        _engine = new Engine(scenario, options);
        _before = Check.Install(_engine);
    }

    internal Engine Engine => _engine;

    private string[] ThreadNames => [.. _engine.State.Actors.Select(static a => a.Name)];

    private long Schedules => _engine.Schedules - _secondLooks;

    internal ExplorationResult Explore()
    {
        _engine.RenewValidator(_options.LockOrder);
        var verdict = Search();
        var result = Result(null);
        return verdict is null ? result
            : result with { Failure = _engine.IsLost ? Bare(verdict) : Finish(verdict), Elapsed = _clock.Elapsed };
    }

    /// <exception cref="FormatException">The string does not fit the scenario.</exception>
    internal Trace Replay(ReplayString decoded, string replay)
    {
        var (verdict, recorder, drifted) = Play(decoded);
        if (drifted || (uint)_engine.State.TraceHash != decoded.TraceHash)
        {
            throw new FormatException(
                $"The scenario {_scenario.Name} has changed since the replay string was made: it no longer makes the same steps. Explore "
                    + $"it anew.");
        }
        return new Trace(_scenario.Name, ThreadNames, recorder.Steps(), verdict, replay, recorder.Preemptions);
    }

    private Verdict? Search() => _options.Strategy switch
    {
        SearchStrategy.Exhaustive => Exhaust(_options.PreemptionBound, long.MaxValue, null),
        SearchStrategy.Random => _engine.Run(new RandomSearch(_options.Seed), MayContinue),
        SearchStrategy.Pct => _engine.Run(new PctSearch(_options.Seed), MayContinue),
        SearchStrategy.PartialOrderSampling => _engine.Run(new PartialOrderSearch(_options.Seed), MayContinue),
        _ => Portfolio(),
    };

    /// <summary>
    /// Half of what there is for the exhaustive search, since it proves what it covers, the rest for those that reach beyond its bound.
    /// </summary>
    private Verdict? Portfolio()
    {
        var schedules = _maxSchedules == DefaultSchedules ? long.MaxValue : _maxSchedules / 2;
        if (Exhaust(_options.PreemptionBound, schedules, _options.Time / 2) is { } verdict)
            return verdict;
        if (_options.UntilCovered && (_exhausted || _completedBound >= _options.PreemptionBound))
            return null;
        var limit = _maxSchedules == DefaultSchedules ? Schedules + DefaultSchedules : _maxSchedules;
        // Where everything has been covered only what lies beyond the fair order's start is left.
        return _exhausted && !_engine.HasBackground ? null
            : _engine.Run(new MixedSearch(_options.Seed), () => MayContinue(limit, _options.Time));
    }

    /// <summary>Bound after bound: most defects show with few preemptions, and each bound costs many times the one before.</summary>
    private Verdict? Exhaust(int bound, long schedules, TimeSpan? time)
    {
        ulong? first = null;
        for (var b = 0; b <= bound && !_exhausted; b++)
        {
            var search = new ExhaustiveSearch(b);
            if (_engine.Run(search, () => MayContinue(schedules, time ?? _options.Time)) is { } verdict)
                return verdict;
            first = search.FirstTrace;
            if (!search.Finished)
                break;
            _completedBound = b;
            _exhausted = !search.CutOff;
        }

        return first is { } trace && !_options.Cancellation.IsCancellationRequested ? SecondLook(trace) : null;
    }

    /// <summary>
    /// The first schedule of each exhaustive search once more: what does something else by now proves nothing by what it did. Not counted.
    /// </summary>
    private Verdict? SecondLook(ulong first)
    {
        var verdict = _engine.Run(new GuidedSearch([], new Dictionary<int, int[]>(), _options.FairAfter, 0), static () => true);
        _secondLooks++;
        return verdict ?? (_engine.State.TraceHash == first ? null : new Verdict(VerdictKind.Scenario, DiffersByItself));
    }

    private bool MayContinue() => MayContinue(_maxSchedules, _options.Time);

    private bool MayContinue(long schedules, TimeSpan? time)
    {
        var elapsed = _clock.Elapsed;
        if (_progress is not null && elapsed - _reported > ProgressInterval)
        {
            _reported = elapsed;
            _progress.Report(Result(null));
        }

        return Schedules < schedules && !(elapsed > time) && !_options.Cancellation.IsCancellationRequested;
    }

    private ExplorationResult Result(Trace? failure) =>
        new(_scenario.Name, Schedules, _engine.State.TotalSteps, _completedBound, _exhausted, failure, _clock.Elapsed);

    private Trace Finish(Verdict verdict)
    {
        var found = _engine.Decisions();
        if (_options.Minimise && verdict.Kind != VerdictKind.Scenario)
        {
            var minimiser = new Minimiser(_engine, verdict, () => !_options.Cancellation.IsCancellationRequested);
            if (minimiser.Run(found, _completedBound) && !_engine.IsLost)
                (found, verdict) = (minimiser.Best, minimiser.Verdict);
        }

        return Record(found, verdict);
    }

    private Trace Bare(Verdict verdict) => new(_scenario.Name, ThreadNames, [], verdict, "", 0);

    private Trace Record(ReplayString decisions, Verdict verdict)
    {
        var (again, recorder, drifted) = Play(decisions);
        if (again is null && !drifted && verdict.Kind is VerdictKind.LockOrder or VerdictKind.LockLeak or VerdictKind.SleepInAtomic)
        {
            // An order of locks that contradicts what some schedule other than the default did: these two alone break nothing.
            again = verdict;
        }
        else if (drifted || (uint)_engine.State.TraceHash != decisions.TraceHash || again?.Kind != verdict.Kind)
        {
            again = new Verdict(VerdictKind.Scenario, DiffersByItself,
                verdict.Kind == VerdictKind.Scenario ? verdict.Details
                    : $"It was at first: {verdict.Kind}: {verdict.Sentence}\n{verdict.Details}");
        }

        return new Trace(_scenario.Name, ThreadNames, recorder.Steps(), again, decisions.Encode(_scenario.Name),
            recorder.Preemptions);
    }

    /// <summary>
    /// The schedule once more, by itself; or where nothing is wrong with it behind the one without decisions, whose orders of locks it may
    /// contradict.
    /// </summary>
    private (Verdict? Verdict, Recorder Recorder, bool Drifted) Play(ReplayString decisions)
    {
        var played = Play(decisions, afterDefault: false);
        return played.Verdict is not null || played.Drifted || !_options.LockOrder ? played : Play(decisions, afterDefault: true);
    }

    private (Verdict? Verdict, Recorder Recorder, bool Drifted) Play(ReplayString decisions, bool afterDefault)
    {
        var search = new ReplaySearch(decisions);
        _engine.Dropped = decisions.Dropped;
        var recorder = new Recorder(_engine.State, _engine.Names);
        _engine.RenewValidator(_options.LockOrder);
        if (afterDefault)
            _engine.Run(new GuidedSearch([], new Dictionary<int, int[]>(), decisions.FairFrom, decisions.FairSeed), static () => true);
        _engine.State.ReleasePoints = decisions.ReleasePoints;
        _engine.State.Recorder = recorder;
        try
        {
            var verdict = _engine.Run(search, static () => true);
            return (verdict, recorder, search.Drifted);
        }
        finally
        {
            _engine.State.Recorder = null;
        }
    }

    public void Dispose()
    {
        _engine.Dispose();
        Check.Install(_before);
    }
}
