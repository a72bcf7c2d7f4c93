using System.CommandLine;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab run NAME…</c>: search the schedules of scenarios, or execute one again. 0: nothing found; 1: found.</summary>
internal static class LabRunCommand
{
    /// <summary>The time of a run that is given none.</summary>
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);

    public static Command Build()
    {
        var names = new Argument<string[]>("NAME")
        {
            Description = $"Scenarios or broken variants; see 'warren lab list'. '"
            + $"{LabTarget.Core}' stands for all core scenarios.",
            Arity = ArgumentArity.OneOrMore
        };
        var gate = LabOptions.Gate();
        var bound = LabOptions.Bound();
        var time = LabOptions.Time("Search for at most this long, like 30s or 2m, divided among several names; 60s each when not given.");
        var seed = LabOptions.Seed();
        var strategy = LabOptions.Strategy();
        var weak = Options.Flag("--weak-memory", "Stores wait in a buffer per thread, as on x86.");
        var replay =
            Options.Text("--replay", "S", "Execute just the schedule that a result's replay string describes.",
                "the replay string that a result ends with");
        var assembly = LabOptions.Assembly();
        var html = Options.File("--html", "Write the result as a page of its own.");
        var chrome = Options.File("--chrome", "Write the trace for Perfetto or chrome://tracing.");
        var json = LabOptions.Json();
        var full = Options.Flag("--full", "Print every step of a long trace, also those that do not bear on the verdict.");
        var command = new Command("run", "Search the schedules of scenarios for one that breaks something.")
        {
            names, gate, bound, time, seed, strategy, weak, replay, assembly, html, chrome, json, full,
        };
        command.SetAction(result =>
        {
            var limit = result.GetValue(time);
            var options = new ExplorationOptions
            {
                Strategy = LabOptions.Chosen(result.GetValue(strategy)),
                UntilCovered = limit is null,
                PreemptionBound = (int)result.GetValue(bound),
                Time = limit ?? DefaultTime,
                Seed = result.GetValue(seed),
                WeakMemory = result.GetValue(weak),
            };
            if (result.GetValue(replay) is not null)
                Refuse(result, "--replay executes one schedule that is given already", bound, time, seed, strategy, weak);
            var targets = LabTarget.FindAll(result.GetValue(names)!, result.GetValue(assembly));
            if (result.GetValue(gate) is { } chosen)
            {
                if (targets.FirstOrDefault(t => t is VariantTarget) is { } variant)
                    throw new UserErrorException($"'{variant.Name}' is a variant that brings its gate; leave out --gate");
                LabOptions.Choose(chosen);
            }

            if (targets.Count > 1)
            {
                Refuse(result,
                    "Several scenarios are named, and one trace is written or executed: name its scenario alone, with the replay string "
                        + "that is printed, or", replay, html, chrome);
                return new LabRunSeveral(targets, options, limit, Again, result.GetValue(full)).Run(result.GetValue(json));
            }

            using var page = OutputFile.Open(result.GetValue(html), html.Name);
            using var events = OutputFile.Open(result.GetValue(chrome), chrome.Name);
            return new LabRunOne(targets[0], options, Again, result.GetValue(replay), result.GetValue(full))
                .Run(result.GetValue(json), page, events);

            string Again(string scenario, string schedule) =>
                LabReports.ReplayCommand(scenario, result.GetValue(assembly), result.GetValue(gate), schedule);
        });
        return command;
    }

    private static void Refuse(ParseResult result, string why, params Option[] options)
    {
        foreach (var option in options)
        {
            if (result.GetResult(option) is { Implicit: false })
                throw new UserErrorException($"{why}{(why.EndsWith("or", StringComparison.Ordinal) ? "" : ";")} leave out {option.Name}");
        }
    }
}
