using System.Diagnostics;
using System.Globalization;

namespace Warren.Lab.Fuzz;

/// <summary>
/// Draws programs, explores each with a few random schedules, and keeps those that reach something new, to draw others from them; until one
/// breaks something, which is then made small.
/// </summary>
public sealed class Fuzzer
{
    /// <summary>Of so many programs one is drawn anew, and the others are made from those kept.</summary>
    private const int FreshOneIn = 3;

    private static readonly TimeSpan s_progressInterval = TimeSpan.FromMilliseconds(200);

    private readonly FuzzOptions _options;
    private readonly IProgress<string>? _progress;
    private readonly ProgramGenerator _generator;
    private readonly ProgramExplorer _explorer;
    private readonly StepCoverage _coverage = new();
    private readonly List<FuzzProgram> _kept = [];
    private readonly List<(FuzzProgram Program, HashSet<int> Reached)> _reached = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _told;
    private long _programs;

    private Fuzzer(FuzzOptions options, IProgress<string>? progress)
    {
        (_options, _progress) = (options, progress);
        _generator = new ProgramGenerator(options.Seed);
        _explorer = new ProgramExplorer(options.LockOrder, options.Cancellation);
    }

    /// <param name="progress">Told now and then how far it is.</param>
    /// <exception cref="FormatException">A program of the corpus is none.</exception>
    public static FuzzResult Run(FuzzOptions options, IProgress<string>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Fuzzer(options, progress).Run();
    }

    private FuzzResult Run()
    {
        FuzzFailure? failure = null;
        foreach (var program in Programs())
        {
            var seed = _generator.Seed();
            var before = _coverage.Reached;
            _coverage.Touched = _options.Best > 0 ? [] : null;
            var trace = _explorer.Glance(program, seed, _coverage);
            if (trace is null && _options.Cancellation.IsCancellationRequested)
                break;
            _programs++;
            if (_coverage.Reached > before)
                Keep(program);
            if (trace is not null)
            {
                _clock.Stop();
                failure = Failure(program, trace, seed);
                break;
            }

            Tell();
        }

        return new(_programs, _explorer.Schedules, _explorer.Steps, _coverage.Sites, _coverage.Pairs,
            [.. (_options.Best > 0 ? BestPrograms.Of(_reached, _options.Best) : _kept).Select(p => p.ToString())], failure, _clock.Elapsed);
    }

    private void Keep(FuzzProgram program)
    {
        _kept.Add(program);
        if (_coverage.Touched is { } reached)
            _reached.Add((program, reached));
    }

    private void Tell()
    {
        if (_progress is null || _clock.Elapsed - _told < s_progressInterval)
            return;
        _told = _clock.Elapsed;
        _progress.Report(string.Create(CultureInfo.InvariantCulture,
            $"fuzz: {_programs:#,0} programs, {_explorer.Schedules:#,0} schedules, {_coverage.Pairs:#,0} pairs of conflicting steps, "
                + $"{_told.TotalSeconds:0} s"));
    }

    private IEnumerable<FuzzProgram> Programs()
    {
        foreach (var text in _options.Corpus)
        {
            if (!MayContinue)
                yield break;
            yield return FuzzProgram.Parse(text);
        }

        while (MayContinue)
            yield return _kept.Count == 0 || _generator.OneIn(FreshOneIn) ? _generator.Draw() : _generator.Change(Drawn(), Drawn());
    }

    private bool MayContinue =>
        _programs < _options.MaxPrograms && !(_clock.Elapsed > _options.Time) && !_options.Cancellation.IsCancellationRequested;

    /// <summary>One of those kept, the later ones more often: they reached what is rare.</summary>
    private FuzzProgram Drawn() => _kept[Math.Max(_generator.Below(_kept.Count), _generator.Below(_kept.Count))];

    private FuzzFailure Failure(FuzzProgram found, Trace trace, ulong seed)
    {
        var verdict = trace.Verdict!;
        _progress?.Report($"fuzz: {verdict.Sentence} Making it small…");
        var small = verdict.Kind == VerdictKind.Scenario ? found
            : new ProgramShrinker(p => _explorer.Fails(p, verdict, seed), () => !_explorer.IsCancelled).Shrink(found);
        return _explorer.Show(small, seed) is { } shown ? new(found.ToString(), small.ToString(), shown)
            : new(found.ToString(), found.ToString(), trace);
    }
}
