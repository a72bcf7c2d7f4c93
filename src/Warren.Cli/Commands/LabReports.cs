using System.Text.Json.Nodes;
using Warren.Cli.Terminal;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary>Results of the lab on standard output.</summary>
internal static class LabReports
{
    /// <summary>Longer traces are folded, unless all is asked for.</summary>
    public const int LongTrace = 60;

    public static void Print(RunOutcome outcome, string replayCommand, bool full)
    {
        if (outcome.Result?.Failure is { } trace)
        {
            Console.Out.Write(
                TextReport.Format(trace, Terminal() with { ReplayCommand = replayCommand, FoldAbove = full ? int.MaxValue : LongTrace }));
            Console.Out.WriteLine();
        }

        Console.Out.WriteLine(outcome.Sentence);
    }

    public static string Json(RunOutcome outcome) => Node(outcome).ToJsonString(TraceJson.Options);

    public static JsonObject Node(RunOutcome outcome)
    {
        var result = outcome.Result;
        return new JsonObject
        {
            ["scenario"] = outcome.Name,
            ["outcome"] = outcome.Sentence,
            ["found"] = outcome.Found,
            ["interrupted"] = outcome.Interrupted,
            ["strategy"] = LabOptions.Name(outcome.Options.Strategy),
            ["seed"] = outcome.Options.Seed,
            ["schedules"] = result?.Schedules ?? 0,
            ["steps"] = result?.Steps ?? 0,
            ["completedBound"] = result?.CompletedBound ?? -1,
            ["exhausted"] = result?.Exhausted ?? false,
            ["seconds"] = Math.Round(result?.Elapsed.TotalSeconds ?? 0, 3),
            ["trace"] = result?.Failure is { } trace ? TraceJson.ToNode(trace) : null,
        };
    }

    /// <summary>The width and colours of standard output.</summary>
    public static TextReportOptions Terminal()
    {
        var console = Consoles.Output();
        return Console.IsOutputRedirected
            ? new TextReportOptions()
            : new TextReportOptions { Width = console.Profile.Width, Colours = console.Profile.Capabilities.Ansi };
    }

    /// <summary>A command line for a POSIX shell.</summary>
    public static string ReplayCommand(string scenario, string? assembly, string? gate, string replay)
    {
        var line = "warren lab run";
        if (assembly is not null)
            line += $" --assembly {Quote(assembly)}";
        line += " " + scenario;
        if (gate is not null)
            line += $" --gate {gate}";
        return $"{line} --replay {Quote(replay)}";
    }

    /// <summary>A word as a POSIX shell reads it.</summary>
    public static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':' or '=' or '+' or ',') ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
