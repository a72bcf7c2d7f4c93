using System.CommandLine;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>
/// <c>warren lab try PATCH.diff</c>: what would break if the production sources were changed so. Exit statuses as <c>warren lab run</c>.
/// </summary>
internal static class LabTryCommand
{
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);

    public static Command Build()
    {
        var patch = new Argument<string>("PATCH.diff")
        {
            Description =
            "A unified diff over the production sources, as 'git diff -- src/Warren.Hypervisor' prints it."
        };
        var scenarios = new Option<string[]>("--scenario")
        {
            HelpName = "S",
            Description = "A scenario to explore; give it several times for several. All core scenarios when none is given.",
            Arity = ArgumentArity.OneOrMore,
        };
        var bound = LabOptions.Bound();
        var time = LabOptions.Time("Search at most this long, like 30s or 2m, divided among several scenarios; 60s each when not given.");
        var seed = LabOptions.Seed();
        var strategy = LabOptions.Strategy();
        var weak = Options.Flag("--weak-memory", "Stores wait in a buffer per thread, as on x86.");
        var replay = Options.Text("--replay", "S",
            "Execute just the schedule that a result's replay string describes; with one --scenario.",
            "the replay string that a result ends with");
        var json = LabOptions.Json();
        var full = Options.Flag("--full", "Print every step of a long trace, also those that do not bear on the verdict.");
        var command = new Command("try",
            "Compile a patch of the production sources and search the schedules of scenarios for one that it breaks.")
        {
            patch, scenarios, bound, time, seed, strategy, weak, replay, json, full,
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
            var path = result.GetValue(patch)!;
            var names = result.GetValue(scenarios) is { Length: > 0 } named ? named : [LabTarget.Core];
            var compiled = Compile(path);
            IReadOnlyList<LabTarget> targets = [.. LabTarget.FindAll(names, null).Select(t => PatchTarget.Of(t, compiled))];
            if (result.GetValue(replay) is not null && targets.Count > 1)
                throw new UserErrorException("--replay executes one schedule of one scenario; name it with --scenario");
            return targets.Count > 1
                ? new LabRunSeveral(targets, options, limit, Again, result.GetValue(full)).Run(result.GetValue(json))
                : new LabRunOne(targets[0], options, Again, result.GetValue(replay), result.GetValue(full)).Run(result.GetValue(json));

            string Again(string scenario, string schedule) =>
                $"warren lab try {LabReports.Quote(path)} --scenario {scenario} --replay {LabReports.Quote(schedule)}";
        });
        return command;
    }

    private static ProductionPatch Compile(string path)
    {
        var text = SmallTextFile.Read(path, "the diff");
        try
        {
            return ProductionPatch.Compile(path, text);
        }
        catch (VariantException e)
        {
            throw new UserErrorException(e.Message.Split('\n')[0].TrimEnd('.'));
        }
    }
}
