using System.CommandLine;
using Warren.Hypervisor.Invalidation;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab explain NAME</c>: the protocol, what can go wrong, and the interleaving.</summary>
internal static class LabExplainCommand
{
    /// <summary>A reader waits; what takes longer to find is for 'run'.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static Command Build()
    {
        var name = new Argument<string>("NAME") { Description = "A scenario, variant or gate; see 'warren lab list'." };
        var gate = LabOptions.Gate();
        var assembly = LabOptions.Assembly();
        var command =
            new Command("explain", "Tell what a scenario, a broken variant or a gate is about, and show the interleaving that breaks it.")
            { name, gate, assembly };
        command.SetAction(result => Explain(result.GetValue(name)!, result.GetValue(gate), result.GetValue(assembly)));
        return command;
    }

    private static int Explain(string name, string? gate, string? assembly)
    {
        LabOptions.Choose(gate);
        if (assembly is null && !LabTarget.IsKnown(name) && GateFactory.All.FirstOrDefault(g => g.Name == name) is { } kind)
        {
            Explain(kind);
            return ExitStatus.Success;
        }

        var target = LabTarget.Find(name, assembly);
        Console.Out.WriteLine(Heading(target));
        Console.Out.WriteLine();
        Console.Out.WriteLine(target.Explanation.Trim());
        Console.Out.WriteLine();
        var options = new ExplorationOptions { Strategy = SearchStrategy.Portfolio, Time = Patience };
        var (result, interrupted) = LabExploration.Explore(target, options);
        var outcome = new RunOutcome(name, options, result, interrupted, false);
        if (result?.Failure is { } trace)
        {
            Console.Out.Write(
                TextReport.Format(trace,
                    LabReports.Terminal() with
                    {
                        FoldAbove = 0,
                        Details = false,
                        ReplayCommand = LabReports.ReplayCommand(target.Name, assembly, gate, trace.Replay)
                    }));
            Console.Out.WriteLine();
        }

        Console.Out.WriteLine(outcome.Sentence);
        return interrupted ? ExitStatus.Interrupted : ExitStatus.Success;
    }

    /// <summary>The protocol in short, and what is known against it; the interleavings are those of the variants.</summary>
    private static void Explain(GateKind kind)
    {
        var output = Console.Out;
        output.WriteLine($"{kind.Name}: a gate{(kind == GateKind.Default ? ", the default" : "")}: {kind.Idea}. Price: {kind.Price}.");
        var variants = CorpusCatalogue.All.Where(v => v.Gate == kind.Name).ToLookup(static v => v.Patches.Count == 0);
        foreach (var flaw in variants[true])
        {
            output.WriteLine();
            output.WriteLine($"{flaw.Name}, shown by scenario {flaw.ScenarioName}. From: {flaw.Origin}.");
            foreach (var line in flaw.Flaw.Trim().Split('\n'))
                output.WriteLine("  " + line);
        }

        output.WriteLine();
        output.WriteLine(variants[true].Any()
            ? "With the interleaving: 'warren lab explain NAME' of one of these."
            : $"No schedule is known that breaks it: 'warren lab run gate-create --gate {kind.Name}', and so with every scenario named "
            + $"gate-….");
        if (variants[false].Any())
        {
            output.WriteLine(
                $"Broken on purpose, each by one change of its code: {string.Join(", ", variants[false].Select(static v => v.Name))}.");
        }
    }

    private static string Heading(LabTarget target) => target switch
    {
        VariantTarget { Variant: var v } => $"{v.Name}: a broken variant, shown by scenario {v.ScenarioName}. From: {v.Origin}.",
        _ => $"{target.Name}: {target.Summary}",
    };
}
