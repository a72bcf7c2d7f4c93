using System.CommandLine;
using Warren.Cli.Terminal;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>
/// <c>warren lab try PATCH.diff</c>: what would break if the production sources were changed so. Exit statuses as <c>warren lab run</c>.
/// </summary>
internal static class LabTryCommand
{
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
        var search = new LabSearchOptions("scenarios",
            "Execute just the schedule that a result's replay string describes; with one --scenario.");
        var command = new Command("try",
            "Compile a patch of the production sources and search the schedules of scenarios for one that it breaks.")
        {
            patch, scenarios,
        };
        search.AddTo(command);
        command.SetAction(result =>
        {
            var options = search.Read(result);
            var path = result.GetValue(patch)!;
            var names = result.GetValue(scenarios) is { Length: > 0 } given ? given : [LabTarget.Core];
            var named = LabTarget.FindAll(names, null);
            if (result.GetValue(search.Replay) is not null && named.Count > 1)
                throw new UserErrorException("--replay executes one schedule of one scenario; name it with --scenario");
            var compiled = Compile(path);
            IReadOnlyList<LabTarget> targets = [.. named.Select(t => PatchTarget.Of(t, compiled))];
            return targets.Count > 1
                ? new LabRunSeveral(targets, options, search.Limit(result), Again, result.GetValue(search.Full))
                    .Run(result.GetValue(search.Json))
                : new LabRunOne(targets[0], options, Again, result.GetValue(search.Replay), result.GetValue(search.Full))
                    .Run(result.GetValue(search.Json));

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
