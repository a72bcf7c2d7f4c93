using System.Globalization;
using System.Text.Json.Nodes;
using Warren.Lab;
using Warren.Lab.Fuzz;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary>Programs drawn until one breaks something, and what is told of it.</summary>
/// <param name="directory">Where programs are kept, or null.</param>
/// <param name="variant">Over which code, or null for the code as it is.</param>
internal sealed class LabFuzzRun(FuzzOptions options, ProgramDirectory? directory, Variant? variant, bool full)
{
    public int Run(bool json)
    {
        using var progress = new ProgressLine();
        var (result, interrupted) = LabExploration.Run("fuzz", cancel =>
        {
            var task = options with { Cancellation = cancel };
            return variant is null ? Fuzzer.Run(task, progress) : CorpusRunner.Fuzz(variant, task, progress);
        });
        progress.Dispose();
        if (result is not null)
            directory?.Keep(result.Kept);
        if (json)
            Console.Out.WriteLine(Node(result, interrupted).ToJsonString(TraceJson.Options));
        else
            Print(result, interrupted);
        if (result?.Failure is { Trace.Verdict: { Kind: VerdictKind.Scenario } fault } failure)
            throw new UserErrorException($"The program '{failure.Program}' is at fault: {fault.Sentence}");
        return result?.Failure is not null ? ExitStatus.Found : interrupted ? ExitStatus.Interrupted : ExitStatus.Success;
    }

    private void Print(FuzzResult? result, bool interrupted)
    {
        if (result?.Failure is { } failure)
        {
            Console.Out.Write(TextReport.Format(failure.Trace, LabReports.Terminal() with
            {
                ReplayCommand = LabFuzzCommand.Again(failure.Program, variant?.Name, failure.Trace.Replay),
                FoldAbove = full ? int.MaxValue : LabReports.LongTrace,
            }));
            Console.Out.WriteLine();
            Console.Out.WriteLine("As a scenario:");
            Console.Out.WriteLine();
            Console.Out.WriteLine(ProgramPrinter.Scenario(FuzzProgram.Parse(failure.Program)));
            Console.Out.WriteLine();
        }

        if (options.Best > 0)
        {
            foreach (var program in result?.Kept ?? [])
                Console.Out.WriteLine(program);
        }

        Console.Out.WriteLine(Sentence(result, interrupted));
    }

    private JsonObject Node(FuzzResult? result, bool interrupted) => new()
    {
        ["outcome"] = Sentence(result, interrupted),
        ["found"] = result?.Failure is not null,
        ["interrupted"] = interrupted,
        ["seed"] = options.Seed,
        ["variant"] = variant?.Name,
        ["programs"] = result?.Programs ?? 0,
        ["schedules"] = result?.Schedules ?? 0,
        ["steps"] = result?.Steps ?? 0,
        ["sites"] = result?.Sites ?? 0,
        ["pairs"] = result?.Pairs ?? 0,
        ["seconds"] = Math.Round(result?.Elapsed.TotalSeconds ?? 0, 3),
        ["best"] = options.Best > 0 ? new JsonArray([.. (result?.Kept ?? []).Select(p => (JsonNode)p)]) : null,
        ["drawn"] = result?.Failure?.Found,
        ["program"] = result?.Failure?.Program,
        ["scenario"] = result?.Failure is { } failure ? ProgramPrinter.File(FuzzProgram.Parse(failure.Program)) : null,
        ["trace"] = result?.Failure is { } broken ? TraceJson.ToNode(broken.Trace) : null,
    };

    private static string Sentence(FuzzResult? result, bool interrupted)
    {
        if (result is null)
            return "Interrupted before the first program had ended.";
        var work = string.Create(CultureInfo.InvariantCulture,
            $"{result.Programs:#,0} program{(result.Programs == 1 ? "" : "s")}, {result.Schedules:#,0} schedules, {result.Pairs:#,0} "
                + $"pairs of "
                + $"conflicting steps, {RunOutcome.Seconds(result.Elapsed)}");
        return result.Failure is not null ? $"Found after {work}."
            : $"{(interrupted ? "Interrupted: " : "")}{work}: nothing found{(interrupted ? " so far" : "")}.";
    }
}
