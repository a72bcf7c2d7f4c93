using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab corpus [NAME…]</c>: every broken variant must be found, and nothing in the code as it is.</summary>
internal static class LabCorpusCommand
{
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);

    public static Command Build()
    {
        var names =
            new Argument<string[]>("NAME") { Description = "Variants to run; all when none is given.", Arity = ArgumentArity.ZeroOrMore };
        var bound = LabOptions.Bound();
        var time = LabOptions.Time("Search each variant for at most this long; 60s when not given.");
        var seed = LabOptions.Seed();
        var strategy = LabOptions.Strategy();
        var controls =
            Options.Number("--controls", "Schedules of each scenario on the code as it is, where nothing may be found; 0 for none.", 0,
                long.MaxValue, 2000);
        var html = Options.File("--html", "Write the results with every trace as a page.");
        var json = LabOptions.Json();
        var command =
            new Command("corpus", "Have the explorer find every broken variant, and nothing where nothing is broken.")
            { names, bound, time, seed, strategy, controls, html, json };
        command.SetAction(result =>
        {
            var variants = Chosen(result.GetValue(names) ?? []);
            var options = new ExplorationOptions
            {
                Strategy = LabOptions.Chosen(result.GetValue(strategy)),
                PreemptionBound = (int)result.GetValue(bound),
                Time = result.GetValue(time) ?? DefaultTime,
                Seed = result.GetValue(seed),
            };
            using var page = OutputFile.Open(result.GetValue(html), html.Name);
            return Run(variants, options, result.GetValue(controls), result.GetValue(json), page);
        });
        return command;
    }

    private static IReadOnlyList<Variant> Chosen(string[] names)
    {
        var known = CorpusCatalogue.All;
        if (names.FirstOrDefault(n => known.All(v => v.Name != n)) is { } unknown)
        {
            throw new UserErrorException(
                $"There is no variant '{unknown}'; {NearestNames.Hint(unknown, known.Select(v => v.Name), "see 'warren lab list'")}");
        }
        return names.Length == 0 ? known : [.. known.Where(v => names.Contains(v.Name))];
    }

    private static int Run(IReadOnlyList<Variant> variants, ExplorationOptions options, long controls, bool json, OutputFile? page)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var progress = new CorpusProgress(variants.Count);
        var finished = new List<CorpusResult>();
        var (alarms, interrupted) = LabExploration.Run("corpus", cancel =>
        {
            var cancellable = options with { Cancellation = cancel };
            CorpusRunner.RunAll(variants, cancellable, result =>
            {
                lock (finished)
                    finished.Add(result);
                progress.Done(result.Variant.Name);
            }, Environment.ProcessorCount);
            return Controls(variants, cancellable, controls, progress);
        });
        List<CorpusResult> results;
        lock (finished)
            results = [.. variants.SelectMany(v => finished.Where(r => r.Variant == v))];
        progress.Dispose();
        var summary = new CorpusSummary(results, alarms ?? [], variants.Count, interrupted, clock.Elapsed);
        if (json)
            Console.Out.WriteLine(Json(summary).ToJsonString(TraceJson.Options));
        else
            Print(summary);
        page?.Write(CorpusReport.Page(summary));
        return summary.IsClean ? interrupted ? ExitStatus.Interrupted : ExitStatus.Success : interrupted ? ExitStatus.Interrupted
            : ExitStatus.Found;
    }

    /// <summary>The explorations of each scenario on the code as it is; each once, however many variants it shows.</summary>
    private static List<ExplorationResult> Controls(IReadOnlyList<Variant> variants, ExplorationOptions options, long schedules,
        CorpusProgress progress)
    {
        var results = new List<ExplorationResult>();
        if (schedules == 0)
            return results;
        var distinct = variants.DistinctBy(v => (v.ScenarioName, v.WeakMemory)).ToList();
        foreach (var variant in distinct.TakeWhile(_ => !options.Cancellation.IsCancellationRequested))
        {
            progress.Control(variant.ScenarioName);
            results.Add(CorpusRunner.ExploreUnpatched(variant, options with { MaxSchedules = schedules }));
        }

        return results;
    }

    private static void Print(CorpusSummary summary)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("variant").NoWrap()).AddColumn("found")
            .AddColumn(new TableColumn("schedules").RightAligned().NoWrap())
            .AddColumn(new TableColumn("preemptions").RightAligned().NoWrap())
            .AddColumn(new TableColumn("time").RightAligned().NoWrap());
        foreach (var r in summary.Results)
        {
            var found = r.Problem is { } problem ? $"[red]{Markup.Escape(FirstLine(problem))}[/]"
                : $"[green]{Markup.Escape(TextReport.KindWords(r.Kind!.Value))}[/]";
            table.AddRow(Markup.Escape(r.Variant.Name), found, $"{r.Schedules:#,0}",
                r.Exploration?.Failure is null ? "–" : $"{r.Preemptions}", $"{r.Elapsed.TotalSeconds:0.0} s");
        }

        Consoles.Output().Write(table);
        foreach (var alarm in summary.Alarms)
        {
            Console.Out.Write(
                TextReport.Format(alarm.Failure!,
                    LabReports.Terminal() with
                    {
                        FoldAbove = 20,
                        Details = false,
                        ReplayCommand = LabReports.ReplayCommand(alarm.Scenario, null, null, alarm.Failure!.Replay)
                    }));
            Console.Out.WriteLine();
        }

        foreach (var sentence in summary.Sentences)
            Console.Out.WriteLine(sentence);
    }

    private static JsonObject Json(CorpusSummary summary) => new()
    {
        ["variants"] = new JsonArray([.. summary.Results.Select(r => (JsonNode)new JsonObject
        {
            ["name"] = r.Variant.Name,
            ["scenario"] = r.Variant.ScenarioName,
            ["found"] = r.Found,
            ["verdict"] = r.Kind?.ToString(),
            ["problem"] = r.Problem,
            ["schedules"] = r.Schedules,
            ["steps"] = r.Steps,
            ["preemptions"] = r.Exploration?.Failure is null ? null : r.Preemptions,
            ["seconds"] = Math.Round(r.Elapsed.TotalSeconds, 3),
            ["trace"] = r.Exploration?.Failure is { } trace ? TraceJson.ToNode(trace) : null,
        })]),
        ["controls"] = new JsonArray([.. summary.Controls.Select(c => (JsonNode)new JsonObject
        {
            ["scenario"] = c.Scenario,
            ["schedules"] = c.Schedules,
            ["falseAlarm"] = c.Failure is { } trace ? TraceJson.ToNode(trace) : null,
        })]),
        ["found"] = summary.Results.Count(r => r.Found),
        ["of"] = summary.Asked,
        ["medianSchedules"] = summary.MedianSchedules,
        ["clean"] = summary.IsClean,
        ["interrupted"] = summary.Interrupted,
        ["seconds"] = Math.Round(summary.Elapsed.TotalSeconds, 3),
    };

    private static string FirstLine(string text) => text.Split('\n')[0];
}
