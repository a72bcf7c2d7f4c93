using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using Warren.Cli.Terminal;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary>
/// Several scenarios in one run. Without a time each is explored as it is alone. With one, all have a turn of the portfolio first, in half
/// of the time, and then turns of the random searches, each with a seed of its own, until the time is over: what an exhaustive search has
/// proved is not proved twice.
/// </summary>
/// <param name="again">The command line that executes a schedule again: of a target's name and a replay string.</param>
internal sealed class LabRunSeveral(IReadOnlyList<LabTarget> targets, ExplorationOptions options, TimeSpan? time, Func<string, string,
    string> again, bool full)
{
    /// <summary>A turn is no shorter, or its beginning is all there is of it.</summary>
    private static readonly TimeSpan ShortestTurn = TimeSpan.FromSeconds(1);

    private static readonly SearchStrategy[] Later = [SearchStrategy.Pct, SearchStrategy.PartialOrderSampling, SearchStrategy.Random];

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly ExplorationResult?[] _results = new ExplorationResult?[targets.Count];
    private bool _interrupted;

    public int Run(bool json)
    {
        if (time is { } limit)
            RunTurns(limit);
        else
            RunRound(_ => options, json ? null : Tell);
        if (json)
        {
            Console.Out.WriteLine(
                new JsonArray([.. Enumerable.Range(0, targets.Count).Select(i => (JsonNode)LabReports.Node(Outcome(i)))]).ToJsonString(
                    TraceJson.Options));
        }
        else
        {
            Print(traces: time is not null);
        }
        if (Failed.FirstOrDefault(i => _results[i]!.Failure!.Verdict!.Kind == VerdictKind.Scenario, -1) is >= 0 and var fault)
            throw new UserErrorException($"Scenario '{targets[fault].Name}' is at fault: {_results[fault]!.Failure!.Verdict!.Sentence}");
        return Failed.Any() ? ExitStatus.Found : _interrupted ? ExitStatus.Interrupted : ExitStatus.Success;
    }

    private IEnumerable<int> Failed => Enumerable.Range(0, targets.Count).Where(i => _results[i]?.Failure?.Verdict is not null);

    private void RunTurns(TimeSpan limit)
    {
        RunRound(left => options with { Time = Turn((limit / 2) - _clock.Elapsed, left) }, null);
        // With a strategy that was asked for there is no other.
        var strategies = options.Strategy == SearchStrategy.Portfolio ? Later : [options.Strategy];
        for (var round = 0; !_interrupted && limit - _clock.Elapsed > TimeSpan.Zero && Open > 0; round++)
        {
            var (strategy, seed) = (strategies[round % strategies.Length], options.Seed + 1 + (ulong)round);
            var until = _clock.Elapsed + TimeSpan.FromTicks(Math.Max((limit - _clock.Elapsed).Ticks / 4, ShortestTurn.Ticks * Open));
            RunRound(left =>
                options with { Strategy = strategy, Seed = seed, Time = Turn((until < limit ? until : limit) - _clock.Elapsed, left) },
                null, limit);
        }
    }

    private int Open => Enumerable.Range(0, targets.Count).Count(IsOpen);

    /// <summary>Not yet broken, and something left to explore.</summary>
    private bool IsOpen(int index) => _results[index] is not { } result || (result.Failure is null && !result.Exhausted);

    private static TimeSpan Turn(TimeSpan left, int among) =>
        TimeSpan.FromTicks(Math.Max(left.Ticks / Math.Max(1, among), ShortestTurn.Ticks));

    private void RunRound(Func<int, ExplorationOptions> optionsFor, Action<int>? done, TimeSpan? limit = null)
    {
        for (var i = 0; i < targets.Count && !_interrupted && !(limit <= _clock.Elapsed); i++)
        {
            if (!IsOpen(i))
                continue;
            var left = Enumerable.Range(i, targets.Count - i).Count(IsOpen);
            var found = Failed.Count();
            var label = $"[{i + 1}/{targets.Count}] {targets[i].Name}{(found > 0 ? $" ({found} found)" : "")}";
            var (result, interrupted) = LabExploration.Explore(targets[i], optionsFor(left), label);
            _interrupted = interrupted;
            _results[i] = Sum(_results[i], result);
            done?.Invoke(i);
        }
    }

    private static ExplorationResult? Sum(ExplorationResult? before, ExplorationResult? now) =>
        before is null || now is null ? now ?? before : now with
        {
            Schedules = before.Schedules + now.Schedules,
            Steps = before.Steps + now.Steps,
            CompletedBound = Math.Max(before.CompletedBound, now.CompletedBound),
            Exhausted = before.Exhausted || now.Exhausted,
            Elapsed = before.Elapsed + now.Elapsed,
        };

    private RunOutcome Outcome(int index) =>
        new(targets[index].Name, options, _results[index], _interrupted && _results[index] is null, false);

    private void Tell(int index)
    {
        if (_results[index]?.Failure is { Verdict: not null } trace)
            Show(index, trace);
        else
            Console.Out.WriteLine($"{targets[index].Name}: {Outcome(index).Sentence}");
    }

    private void Show(int index, Warren.Lab.Trace trace)
    {
        Console.Out.Write(TextReport.Format(trace, LabReports.Terminal() with
        {
            ReplayCommand = again(targets[index].Name, trace.Replay),
            FoldAbove = full ? int.MaxValue : LabReports.LongTrace,
        }));
        Console.Out.WriteLine();
    }

    private void Print(bool traces)
    {
        if (traces)
        {
            foreach (var i in Failed)
                Show(i, _results[i]!.Failure!);
            Table();
        }

        Console.Out.WriteLine(Sentence());
    }

    private void Table()
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("scenario").NoWrap()).AddColumn("result")
            .AddColumn(new TableColumn("complete").NoWrap())
            .AddColumn(new TableColumn("schedules").RightAligned().NoWrap()).AddColumn(new TableColumn("time").RightAligned().NoWrap());
        for (var i = 0; i < targets.Count; i++)
        {
            var result = _results[i];
            var found = result switch
            {
                null => "not reached",
                { Failure.Verdict: { } verdict } => $"[red]{Markup.Escape(TextReport.KindWords(verdict.Kind))}[/]",
                _ => "[green]nothing found[/]",
            };
            var covered = result switch
            {
                null or { Failure: not null } => "–",
                { Exhausted: true } => "every bound",
                { CompletedBound: >= 0 and var bound } => $"bound {bound}",
                _ => "–",
            };
            table.AddRow(Markup.Escape(targets[i].Name), found, covered,
                (result?.Schedules ?? 0).ToString("#,0", CultureInfo.InvariantCulture), RunOutcome.Seconds(result?.Elapsed ?? default));
        }

        Consoles.Output().Write(table);
    }

    private string Sentence()
    {
        var schedules = _results.Sum(r => r?.Schedules ?? 0);
        var reached = _results.Count(r => r is not null);
        var failed = Failed.Select(i => targets[i].Name).ToList();
        var what = failed.Count == 0 ? "nothing found" : $"found in {string.Join(", ", failed)}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{(_interrupted ? "Interrupted: " : "")}{reached} of {targets.Count} scenarios, {schedules:#,0} schedules in "
                + $"{RunOutcome.Seconds(_clock.Elapsed)}: {what}{(_interrupted && failed.Count == 0 ? " so far" : "")}.");
    }
}
