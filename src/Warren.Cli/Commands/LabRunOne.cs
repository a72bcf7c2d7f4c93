using Warren.Cli.Terminal;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary>One scenario searched, or one of its schedules executed again.</summary>
/// <param name="again">The command line that executes a schedule again: of a target's name and a replay string.</param>
/// <param name="replay">The schedule to execute, or null for a search.</param>
internal sealed class LabRunOne(LabTarget target, ExplorationOptions options, Func<string, string, string> again, string? replay, bool full)
{
    public int Run(bool json, OutputFile? page = null, OutputFile? events = null)
    {
        var (result, interrupted) = replay is not null ? Replay(replay) : LabExploration.Explore(target, options);
        var outcome = new RunOutcome(target.Name, options, result, interrupted, replay is not null);
        var command = again(target.Name, result?.Failure?.Replay ?? "");
        if (json)
            Console.Out.WriteLine(LabReports.Json(outcome));
        else
            LabReports.Print(outcome, command, full);
        page?.Write(HtmlReport.Page(result?.Failure,
            new HtmlReportOptions { Title = target.Name, Outcome = outcome.Sentence, ReplayCommand = command }));
        if (result?.Failure is { } trace)
            events?.Write(ChromeTrace.Format(trace));
        if (result?.Failure?.Verdict is { Kind: VerdictKind.Scenario } fault)
            throw new UserErrorException($"Scenario '{target.Name}' is at fault: {fault.Sentence}");
        return outcome.Status;
    }

    private (ExplorationResult? Result, bool Interrupted) Replay(string replay)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var (trace, interrupted) = LabExploration.Run(target.Name, _ => target.Replay(replay));
        return (trace is null ? null : new ExplorationResult(target.Name, 1, trace.Steps.Count, -1, false, trace, clock.Elapsed),
            interrupted);
    }
}
