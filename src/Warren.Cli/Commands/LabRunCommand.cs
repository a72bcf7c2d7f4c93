using System.CommandLine;
using System.Globalization;
using Warren.Cli.Terminal;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab run NAME</c>: search a scenario's schedules, or execute one again. 0: nothing found; 1: found.</summary>
internal static class LabRunCommand
{
    private sealed record Settings(string Name, string? Assembly, string? Gate, ExplorationOptions Options, string? Replay, bool Json, bool Full);

    /// <summary>What is given when no time is.</summary>
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);

    public static Command Build()
    {
        var name = new Argument<string>("NAME") { Description = "A scenario or a broken variant; see 'warren lab list'." };
        var gate = LabOptions.Gate();
        var bound = LabOptions.Bound();
        var time = LabOptions.Time("Search for at most this long, like 30s or 2m; 60s when not given.");
        var seed = LabOptions.Seed();
        var strategy = LabOptions.Strategy();
        var weak = new Option<bool>("--weak-memory") { Description = "Stores wait in a buffer per thread, as on x86." };
        var replay = new Option<string?>("--replay") { Description = "Execute just the schedule that a result's replay string describes.", HelpName = "S" };
        var assembly = LabOptions.Assembly();
        var html = LabOptions.File("--html", "Write the result as a page of its own.");
        var chrome = LabOptions.File("--chrome", "Write the trace for Perfetto or chrome://tracing.");
        var json = LabOptions.Json();
        var full = new Option<bool>("--full") { Description = "Print every step of a long trace, also those that do not bear on the verdict." };
        var command = new Command("run", "Search the schedules of a scenario for one that breaks something.")
        {
            name, gate, bound, time, seed, strategy, weak, replay, assembly, html, chrome, json, full,
        };
        command.SetAction(result =>
        {
            var limit = result.GetValue(time);
            var options = new ExplorationOptions
            {
                Strategy = result.GetValue(strategy) ?? (limit is null ? SearchStrategy.Exhaustive : SearchStrategy.Portfolio),
                PreemptionBound = result.GetValue(bound),
                Time = limit ?? DefaultTime,
                Seed = result.GetValue(seed),
                WeakMemory = result.GetValue(weak),
            };
            if (result.GetValue(replay) is not null)
            {
                foreach (var option in new Option[] { bound, time, seed, strategy, weak })
                {
                    if (result.GetResult(option) is { Implicit: false })
                        throw new UserErrorException($"--replay executes one schedule that is given already; leave out {option.Name}");
                }
            }

            var settings = new Settings(result.GetValue(name)!, result.GetValue(assembly), result.GetValue(gate), options, result.GetValue(replay), result.GetValue(json), result.GetValue(full));
            using var page = OutputFile.Open(result.GetValue(html), html.Name);
            using var events = OutputFile.Open(result.GetValue(chrome), chrome.Name);
            return Run(settings, page, events);
        });
        return command;
    }

    private static int Run(Settings settings, OutputFile? page, OutputFile? events)
    {
        var target = LabTarget.Find(settings.Name, settings.Assembly);
        if (settings.Gate is not null && target is VariantTarget)
            throw new UserErrorException($"'{target.Name}' is a variant that brings its gate; leave out --gate");
        LabOptions.Choose(settings.Gate);
        var (result, interrupted) = settings.Replay is { } replay ? Replay(target, replay) : LabExploration.Explore(target, settings.Options);
        var outcome = new RunOutcome(target.Name, settings.Options, result, interrupted, settings.Replay is not null);
        var command = LabReports.ReplayCommand(target.Name, settings.Assembly, settings.Gate, result?.Failure?.Replay ?? "");
        if (settings.Json)
            Console.Out.WriteLine(LabReports.Json(outcome));
        else
            LabReports.Print(outcome, command, settings.Full);
        page?.Write(HtmlReport.Page(result?.Failure, new HtmlReportOptions { Title = target.Name, Outcome = outcome.Sentence, ReplayCommand = command }));
        if (result?.Failure is { } trace)
            events?.Write(ChromeTrace.Format(trace));
        if (result?.Failure?.Verdict is { Kind: VerdictKind.Scenario } fault)
            throw new UserErrorException($"Scenario '{target.Name}' is at fault: {fault.Sentence}");
        return outcome.Status;
    }

    private static (ExplorationResult? Result, bool Interrupted) Replay(LabTarget target, string replay)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var (trace, interrupted) = LabExploration.Run(target.Name, _ => target.Replay(replay));
        return (trace is null ? null : new ExplorationResult(target.Name, 1, trace.Steps.Count, -1, false, trace, clock.Elapsed), interrupted);
    }
}

/// <summary>How a run ended; the result is null when it was interrupted before anything was known.</summary>
internal sealed record RunOutcome(string Name, ExplorationOptions Options, ExplorationResult? Result, bool Interrupted, bool Replayed)
{
    public bool Found => Result?.Failure?.Verdict is not null;

    public int Status => Found ? ExitStatus.Found : Interrupted ? ExitStatus.Interrupted : ExitStatus.Success;

    /// <summary>One sentence: what was covered and what came of it.</summary>
    public string Sentence
    {
        get
        {
            if (Result is not { } result)
                return "Interrupted before the first schedule had ended.";
            if (Replayed)
                return Found ? "Replayed: it happens again." : "Replayed: nothing wrong in this schedule.";
            var work = string.Create(CultureInfo.InvariantCulture, $"{result.Schedules:#,0} schedule{(result.Schedules == 1 ? "" : "s")} in {Seconds(result.Elapsed)}{Rate(result)}");
            if (Found)
                return $"Found after {work}.";
            var covered = result.Exhausted ? "complete for every bound"
                : result.CompletedBound >= 0 ? $"complete for bound {result.CompletedBound}"
                : "not complete for any bound";
            var more = !Interrupted && Options.Strategy == SearchStrategy.Exhaustive && !result.Exhausted && result.CompletedBound < Options.PreemptionBound ? "; give it more with --time" : "";
            var start = Interrupted ? $"Interrupted, {covered}" : char.ToUpperInvariant(covered[0]) + covered[1..];
            return $"{start}: {work}, nothing found{(Interrupted ? " so far" : "")}{more}.";
        }
    }

    private static string Rate(ExplorationResult result) =>
        result.Elapsed.TotalMilliseconds < 10 ? "" : string.Create(CultureInfo.InvariantCulture, $" ({result.Schedules / result.Elapsed.TotalSeconds:#,0}/s)");

    private static string Seconds(TimeSpan time) =>
        time.TotalSeconds < 10 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s") : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:#,0} s");
}
