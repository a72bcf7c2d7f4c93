using System.CommandLine;
using Spectre.Console;
using Warren.Cli.Terminal;
using Warren.Hypervisor.Invalidation;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab list</c>: scenarios, gates, variants, one sentence each.</summary>
internal static class LabListCommand
{
    public static Command Build()
    {
        var assembly = LabOptions.Assembly();
        var command = new Command("list", "List scenarios, gates and broken variants.") { assembly };
        command.SetAction(result => List(result.GetValue(assembly)));
        return command;
    }

    private static int List(string? assembly)
    {
        var console = Consoles.Output();
        var generated = assembly is null ? ScenarioCatalogue.Generated : [];
        Table(console, "scenario", LabScenarios.Known(assembly).Except(generated).Select(s => (s.Name, s.Summary)));
        if (assembly is not null)
            return ExitStatus.Success;
        Table(console, "generated",
            [($"{generated[0].Name} to {generated[^1].Name}", "Programs that 'warren lab fuzz' drew, which together reach much.")]);
        Table(console, "gate",
            GateFactory.Correct.Select(g => (g.Name + (g == GateKind.Default ? " (default)" : ""), $"{g.Idea}; {g.Price}")));
        Table(console, "broken gate", GateFactory.Broken.Select(g => (g.Name, $"{g.Idea}; {g.Price}")));
        Table(console, "variant", CorpusCatalogue.All.Select(v => (v.Name, LabTarget.Sentence(v))));
        return ExitStatus.Success;
    }

    private static void Table(IAnsiConsole console, string what, IEnumerable<(string Name, string Summary)> rows)
    {
        if (!rows.Any())
            return;
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn(what).NoWrap()).AddColumn("");
        foreach (var (name, summary) in rows)
            table.AddRow($"[bold]{Markup.Escape(name)}[/]", Markup.Escape(summary));
        console.Write(table);
    }
}
