using System.CommandLine;
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
        var name = new Argument<string>("NAME") { Description = "A scenario or variant; see 'warren lab list'." };
        var gate = LabOptions.Gate();
        var assembly = LabOptions.Assembly();
        var command = new Command("explain", "Tell what a scenario or a broken variant is about, and show the interleaving that breaks it.") { name, gate, assembly };
        command.SetAction(result => Explain(result.GetValue(name)!, result.GetValue(gate), result.GetValue(assembly)));
        return command;
    }

    private static int Explain(string name, string? gate, string? assembly)
    {
        var target = LabTarget.Find(name, assembly);
        LabOptions.Choose(gate);
        Console.Out.WriteLine(Heading(target));
        Console.Out.WriteLine();
        Console.Out.WriteLine(target.Explanation.Trim());
        Console.Out.WriteLine();
        var options = new ExplorationOptions { Strategy = SearchStrategy.Portfolio, Time = Patience };
        var (result, interrupted) = LabExploration.Explore(target, options);
        var outcome = new RunOutcome(name, options, result, interrupted, false);
        if (result?.Failure is { } trace)
        {
            Console.Out.Write(TextReport.Format(trace, LabReports.Terminal() with { FoldAbove = 0, Details = false, ReplayCommand = LabReports.ReplayCommand(target.Name, assembly, gate, trace.Replay) }));
            Console.Out.WriteLine();
        }

        Console.Out.WriteLine(outcome.Sentence);
        return interrupted ? ExitStatus.Interrupted : ExitStatus.Success;
    }

    private static string Heading(LabTarget target) => target switch
    {
        VariantTarget { Variant: var v } => $"{v.Name}: a broken variant, shown by scenario {v.ScenarioName}. From: {v.Origin}.",
        _ => $"{target.Name}: {target.Summary}",
    };
}
