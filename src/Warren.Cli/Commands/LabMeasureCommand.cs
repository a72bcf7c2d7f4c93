using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab measure</c>: the gates side by side on real threads, as a table and a plot.</summary>
internal static class LabMeasureCommand
{
    private static readonly TimeSpan LeastShare = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(30);

    public static Command Build()
    {
        var gate =
            new Option<string[]>("--gate") { Description = "Measure only these gates.", HelpName = "G", Arity = ArgumentArity.OneOrMore };
        var time = LabOptions.Time("Measure for this long in all; 30s when not given.");
        var svg = Options.File("--svg", "Write the figures as a plot.");
        var json = LabOptions.Json();
        var command =
            new Command("measure", "Run the gates side by side on real threads: invalidations, faults and memslot updates a second.")
            { gate, time, svg, json };
        command.SetAction(result =>
        {
            var gates = GateFactory.Correct;
            if (result.GetValue(gate) is { Length: > 0 } names)
            {
                if (names.FirstOrDefault(n => gates.All(g => g.Name != n)) is { } unknown)
                {
                    var known = gates.Select(g => g.Name).ToList();
                    var hint = NearestNames.Hint(unknown, known, $"choose {string.Join(", ", known)}");
                    throw new UserErrorException($"'{unknown}' is no gate to measure; {hint}");
                }
                gates = [.. gates.Where(g => names.Contains(g.Name))];
            }

            var share = (result.GetValue(time) ?? DefaultTime) / gates.Count;
            if (share < LeastShare)
            {
                throw new UserErrorException(
                    $"--time is too short for {gates.Count} gates; give at least {(LeastShare * gates.Count).TotalSeconds:0.#}s");
            }
            using var plot = OutputFile.Open(result.GetValue(svg), svg.Name);
            var (rows, interrupted) =
                LabExploration.Run("measure",
                    cancel =>
                        GateMeasure.Run(new MeasureOptions { Gates = gates, TimePerGate = share, Cancellation = cancel }, new Progress()));
            if (!Console.IsErrorRedirected)
                Console.Error.Write("\r\x1b[K");
            return Show(rows ?? [], interrupted, result.GetValue(json), plot);
        });
        return command;
    }

    private static int Show(IReadOnlyList<GateMeasurement> rows, bool interrupted, bool json, OutputFile? plot)
    {
        if (json)
            Console.Out.WriteLine(Json(rows).ToJsonString(TraceJson.Options));
        else
            Print(rows);
        plot?.Write(Plot(rows));
        return interrupted ? ExitStatus.Interrupted : ExitStatus.Success;
    }

    private static void Print(IReadOnlyList<GateMeasurement> rows)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("gate").NoWrap()).AddColumn("");
        foreach (var name in new[] { "unrelated inv./s", "related inv./s", "faults/s", "updates/s", "median update", "worst update" })
            table.AddColumn(new TableColumn(name).RightAligned());
        foreach (var r in rows)
        {
            table.AddRow(Markup.Escape(r.Gate), "alone", Number(r.Alone.Unrelated), Number(r.Alone.Related), Number(r.Alone.Faults),
                Number(r.Alone.Updates), "", "");
            table.AddRow("", "storm", Number(r.Storm.Unrelated), Number(r.Storm.Related), Number(r.Storm.Faults), Number(r.Storm.Updates),
                Milliseconds(r.MedianUpdate), r.Starved ? $"[red]{Milliseconds(r.WorstUpdate)}, starved[/]" : Milliseconds(r.WorstUpdate));
        }

        Consoles.Output().Write(table);
        Console.Out.WriteLine(
            "Alone: each by one thread, nothing beside it. Storm: all at once, with threads that never stop invalidating what no slot "
                + "maps.");
    }

    private static JsonArray Json(IReadOnlyList<GateMeasurement> rows) => new([.. rows.Select(r => (JsonNode)new JsonObject
    {
        ["gate"] = r.Gate,
        ["alone"] = Rates(r.Alone),
        ["storm"] = Rates(r.Storm),
        ["medianUpdateMilliseconds"] = Math.Round(r.MedianUpdate.TotalMilliseconds, 3),
        ["worstUpdateMilliseconds"] = Math.Round(r.WorstUpdate.TotalMilliseconds, 3),
        ["starved"] = r.Starved,
    })]);

    private static JsonObject Rates(GateRates rates) => new()
    {
        ["unrelatedPerSecond"] = Math.Round(rates.Unrelated),
        ["relatedPerSecond"] = Math.Round(rates.Related),
        ["faultsPerSecond"] = Math.Round(rates.Faults),
        ["updatesPerSecond"] = Math.Round(rates.Updates, 1),
    };

    private static string Plot(IReadOnlyList<GateMeasurement> rows)
    {
        ChartPanel Panel(string title, string unit, Func<GateMeasurement, double> value) =>
            new(title, unit, [.. rows.Select(r => (r.Gate, value(r)))]);
        return BarCharts.Svg("Gates side by side",
            $"{Environment.ProcessorCount} CPUs; all at once, beside threads that never stop invalidating what no slot maps.",
        [
            Panel("Unrelated invalidations", "a second", r => r.Storm.Unrelated),
            Panel("Related invalidations", "a second", r => r.Storm.Related),
            Panel("Page faults", "a second", r => r.Storm.Faults),
            Panel("Memslot updates", "a second", r => r.Storm.Updates),
            Panel("Worst memslot update", "ms; less is better", r => r.WorstUpdate.TotalMilliseconds),
        ]);
    }

    private static string Number(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("#,0.00", CultureInfo.InvariantCulture) + " ms";

    private sealed class Progress : IProgress<string>
    {
        public void Report(string value)
        {
            if (!Console.IsErrorRedirected)
                Console.Error.Write($"\r\x1b[Kmeasuring {value}");
        }
    }
}
