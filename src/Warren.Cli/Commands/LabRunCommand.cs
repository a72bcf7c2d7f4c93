using System.CommandLine;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab run NAME…</c>: search the schedules of scenarios, or execute one again. 0: nothing found; 1: found.</summary>
internal static class LabRunCommand
{
    public static Command Build()
    {
        var names = new Argument<string[]>("NAME")
        {
            Description = $"Scenarios or broken variants; see 'warren lab list'. '"
            + $"{LabTarget.Core}' stands for all core scenarios.",
            Arity = ArgumentArity.OneOrMore
        };
        var gate = LabOptions.Gate();
        var search = new LabSearchOptions("names", "Execute just the schedule that a result's replay string describes.");
        var assembly = LabOptions.Assembly();
        var html = Options.File("--html", "Write the result as a page of its own.");
        var chrome = Options.File("--chrome", "Write the trace for Perfetto or chrome://tracing.");
        var command = new Command("run", "Search the schedules of scenarios for one that breaks something.")
        {
            names, gate, assembly, html, chrome,
        };
        search.AddTo(command);
        command.SetAction(result =>
        {
            var options = search.Read(result);
            var targets = LabTarget.FindAll(result.GetValue(names)!, result.GetValue(assembly));
            if (result.GetValue(gate) is { } chosen)
            {
                if (targets.FirstOrDefault(t => t is VariantTarget) is { } variant)
                    throw new UserErrorException($"'{variant.Name}' is a variant that brings its gate; leave out --gate");
                LabOptions.Choose(chosen);
            }

            if (targets.Count > 1)
            {
                LabSearchOptions.Refuse(result,
                    "Several scenarios are named, and one trace is written or executed: name its scenario alone, with the replay string "
                        + "that is printed, or", search.Replay, html, chrome);
                return new LabRunSeveral(targets, options, search.Limit(result), Again, result.GetValue(search.Full))
                    .Run(result.GetValue(search.Json));
            }

            using var page = OutputFile.Open(result.GetValue(html), html.Name);
            using var events = OutputFile.Open(result.GetValue(chrome), chrome.Name);
            return new LabRunOne(targets[0], options, Again, result.GetValue(search.Replay), result.GetValue(search.Full))
                .Run(result.GetValue(search.Json), page, events);

            string Again(string scenario, string schedule) =>
                LabReports.ReplayCommand(scenario, result.GetValue(assembly), result.GetValue(gate), schedule);
        });
        return command;
    }
}
