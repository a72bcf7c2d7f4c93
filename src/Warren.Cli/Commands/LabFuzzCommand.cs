using System.CommandLine;
using Warren.Cli.CommandLine;
using Warren.Lab;
using Warren.Lab.Fuzz;

namespace Warren.Cli.Commands;

/// <summary>
/// <c>warren lab fuzz</c>: random programs over the production code, until one breaks something. Exit statuses as <c>warren lab run</c>.
/// </summary>
internal static class LabFuzzCommand
{
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);

    public static Command Build()
    {
        var time = LabOptions.Time("Draw programs for this long, like 30s or 2m; 60s when not given.");
        var programs = new ValueOption<long?>("--programs", "N", "Draw so many programs, however long it takes.",
            "a number from 1 to 1000000000",
            (string text, out long? value) =>
                (value = OptionParsers.TryNumber(text, out var number) && number is > 0 and <= 1_000_000_000 ? number : null) is not null);
        var seed = LabOptions.Seed();
        var corpus =
            Options.Text("--corpus", "DIR", "Begin with the programs in this directory, and keep there those that reach something new.",
            "the path of a directory");
        var best = Options.Number("--best", "Print so many programs at the end that together reach most; 0 for none.", 0, 10_000, 0);
        var variant =
            Options.Text("--variant", "NAME", "Draw programs over a broken variant of the production code; see 'warren lab list'.",
            "the name of a variant");
        var program =
            Options.Text("--program", "TEXT", "Draw none and explore this one, as it was printed.", "a program as 'fuzz' prints it");
        var replay = Options.Text("--replay", "S", "With --program: execute just the schedule that the replay string describes.",
            "the replay string that a result ends with");
        var json = LabOptions.Json();
        var full = Options.Flag("--full", "Print every step of a long trace, also those that do not bear on the verdict.");
        var command =
            new Command("fuzz", "Draw random programs over memory virtualization, and search the schedules of each for one that breaks.")
        {
            time, programs, seed, corpus, best, variant, program, replay, json, full,
        };
        command.SetAction(result =>
        {
            var (limit, most) = (result.GetValue(time), result.GetValue(programs));
            if (result.GetValue(program) is { } text)
            {
                var given = result.GetValue(replay);
                var options = new ExplorationOptions
                {
                    UntilCovered = limit is null,
                    Time = limit ?? DefaultTime,
                    Seed = result.GetValue(seed),
                };
                return new LabRunOne(ProgramTarget.Of(text, Variant(result.GetValue(variant))), options,
                    (_, schedule) => Again(text, result.GetValue(variant), schedule), given,
                    result.GetValue(full)).Run(result.GetValue(json));
            }

            if (result.GetValue(replay) is not null)
                throw new UserErrorException("--replay executes a schedule of one program; add --program with its text");
            var directory = result.GetValue(corpus) is { } path ? ProgramDirectory.Open(path) : null;
            var task = new FuzzOptions
            {
                Time = limit ?? (most is null ? DefaultTime : null),
                MaxPrograms = most ?? long.MaxValue,
                Seed = result.GetValue(seed),
                Best = (int)result.GetValue(best),
                Corpus = directory?.Programs ?? [],
            };
            return new LabFuzzRun(task, directory, Variant(result.GetValue(variant)), result.GetValue(full)).Run(result.GetValue(json));
        });
        return command;
    }

    /// <summary>The command line that makes it happen again.</summary>
    internal static string Again(string program, string? variant, string schedule) =>
        $"warren lab fuzz{(variant is null ? "" : $" --variant {variant}")} --program {LabReports.Quote(program)} --replay "
        + $"{LabReports.Quote(schedule)}";

    private static Variant? Variant(string? name)
    {
        if (name is null)
            return null;
        var known = CorpusCatalogue.All;
        return known.FirstOrDefault(v => v.Name == name) ?? throw new UserErrorException(
            $"There is no variant '{name}'; {NearestNames.Hint(name, known.Select(v => v.Name), "see 'warren lab list'")}");
    }
}
