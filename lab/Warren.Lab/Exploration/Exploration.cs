using System.Diagnostics;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>One call of <see cref="Explorer.Explore"/>: searches one after the other on one engine, within the limits.</summary>
internal sealed class Exploration : IDisposable
{
    private readonly Scenario _scenario;
    private readonly ExplorationOptions _options;
    private readonly Engine _engine;
    private readonly ICheckHook _before;
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    internal Exploration(Scenario scenario, ExplorationOptions options)
    {
        if (!Check.Steps)
            throw new InvalidOperationException("Schedules can only be explored where steps are reported: set the AppContext switch Warren.Check.Steps before the first lock is used.");
        (_scenario, _options) = (scenario, options);
        _engine = new Engine(scenario, options);
        _before = Check.Install(_engine);
    }

    internal ExplorationResult Run()
    {
        var verdict = Search();
        var trace = verdict is null ? null : new Trace(_scenario.Name, [.. _engine.Names], [], verdict, "", 0);
        return new(_scenario.Name, _engine.Schedules, _engine.TotalSteps, -1, false, trace, _clock.Elapsed);
    }

    private Verdict? Search()
    {
        Search search = _options.Strategy switch
        {
            SearchStrategy.Random => new RandomSearch(_options.Seed),
            _ => new PctSearch(_options.Seed),
        };
        return _engine.Run(search, MayContinue);
    }

    private bool MayContinue() =>
        _engine.Schedules < _options.MaxSchedules && !(_clock.Elapsed > _options.Time) && !_options.Cancellation.IsCancellationRequested
        && (_options.Time is not null || _options.MaxSchedules != long.MaxValue || _engine.Schedules < 1000);

    public void Dispose()
    {
        _engine.Dispose();
        Check.Install(_before);
    }
}
