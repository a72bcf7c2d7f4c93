using System.CommandLine;
using Warren.Lab;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab explain NAME</c>: the protocol, what can go wrong, and the interleaving.</summary>
internal static class LabExplainCommand
{
    public static Command Build()
    {
        var name = new Argument<string>("NAME") { Description = "A scenario; see 'warren lab list'." };
        var assembly = LabOptions.Assembly();
        var command = new Command("explain", "Tell what a scenario is about, and show the interleaving that breaks it, if any.") { name, assembly };
        command.SetAction(result => Explain(result.GetValue(name)!, result.GetValue(assembly)));
        return command;
    }

    private static int Explain(string name, string? assembly)
    {
        var scenario = LabScenarios.Find(name, LabScenarios.Known(assembly));
        Console.Out.WriteLine(scenario.Summary);
        if (scenario.Explanation != scenario.Summary)
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine(scenario.Explanation.TrimEnd());
        }

        Console.Out.WriteLine();
        var options = new ExplorationOptions { Strategy = SearchStrategy.Exhaustive, Time = TimeSpan.FromSeconds(10) };
        var (result, interrupted) = LabExploration.Explore(scenario, options);
        var outcome = new RunOutcome(scenario, options, result, interrupted, false);
        if (result?.Failure is { } trace)
        {
            Console.Out.Write(TextReport.Format(trace, LabReports.Terminal() with { Short = true, ReplayCommand = LabReports.ReplayCommand(scenario.Name, assembly, null, trace.Replay) }));
            Console.Out.WriteLine();
        }

        Console.Out.WriteLine(outcome.Sentence);
        return interrupted ? ExitStatus.Interrupted : ExitStatus.Success;
    }
}
