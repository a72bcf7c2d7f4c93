using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Warren.Machines;

namespace Warren.Cli.Commands;

/// <summary>What <c>--stats</c> prints at exit, on stderr so that stdout stays the command's.</summary>
internal static class StatisticsReport
{
    private sealed record Figure(string Group, string Name, double Value, string Unit = "");

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = false };

    public static void Write(StatisticsFormat format, MachineStatistics statistics)
    {
        if (format == StatisticsFormat.None) return;
        var figures = Figures(statistics).ToList();
        if (format == StatisticsFormat.Json) Console.Error.WriteLine(Json(figures));
        else Print(figures);
    }

    private static string Json(IEnumerable<Figure> figures)
    {
        var root = new JsonObject();
        foreach (var group in figures.GroupBy(f => f.Group))
            root[Key(group.Key)] = new JsonObject(group.Select(f => KeyValuePair.Create<string, JsonNode?>(Key(f.Name), f.Value)));
        return root.ToJsonString(Indented);
    }

    private static string Key(string words)
    {
        var parts = words.Split([' ', '-', '/'], StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(parts.Select((p, i) => i == 0 ? p.ToLowerInvariant() : char.ToUpperInvariant(p[0]) + p[1..].ToLowerInvariant()));
    }

    private static void Print(IEnumerable<Figure> figures)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        var table = new Table().Border(TableBorder.Simple).AddColumn("").AddColumn("").AddColumn(new TableColumn("").RightAligned()).HideHeaders();
        var last = "";
        foreach (var f in figures)
        {
            table.AddRow(f.Group == last ? "" : $"[bold]{Markup.Escape(f.Group)}[/]", Markup.Escape(f.Name), $"{f.Value:#,0.##} {f.Unit}".TrimEnd());
            last = f.Group;
        }
        console.Write(table);
    }

    private static IEnumerable<Figure> Figures(MachineStatistics s)
    {
        yield return new("guest", "time", s.Elapsed.TotalSeconds, "s");
        yield return new("guest", "instructions", s.Instructions);
        yield return new("guest", "MIPS", s.Instructions / s.Elapsed.TotalSeconds / 1e6);
    }
}
