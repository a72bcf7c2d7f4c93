using System.CommandLine;
using Warren.Cli.CommandLine;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>The options of a search, for the commands that explore scenarios: how, for how long, or one schedule again.</summary>
/// <param name="several">The words for those among which the time is divided.</param>
/// <param name="replayHelp">The help of --replay.</param>
internal sealed class LabSearchOptions(string several, string replayHelp)
{
    /// <summary>The time of a search that is given none.</summary>
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(60);

    private readonly Option<long> _bound = LabOptions.Bound();
    private readonly Option<TimeSpan?> _time = LabOptions.Time(
        $"Search at most this long, like 30s or 2m, divided among several {several}; 60s each when not given.");
    private readonly Option<ulong> _seed = LabOptions.Seed();
    private readonly Option<string?> _strategy = LabOptions.Strategy();
    private readonly Option<bool> _weak = Options.Flag("--weak-memory", "Stores wait in a buffer per thread, as on x86.");

    public Option<string?> Replay { get; } = Options.Text("--replay", "S", replayHelp, "the replay string that a result ends with");

    public Option<bool> Json { get; } = LabOptions.Json();

    public Option<bool> Full { get; } =
        Options.Flag("--full", "Print every step of a long trace, also those that do not bear on the verdict.");

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_bound, _time, _seed, _strategy, _weak, Replay, Json, Full])
            command.Add(option);
    }

    /// <summary>The time that the user gave, if any, for all scenarios together.</summary>
    public TimeSpan? Limit(ParseResult result) => result.GetValue(_time);

    /// <exception cref="UserErrorException">A schedule is to be executed again, and something said of a search.</exception>
    public ExplorationOptions Read(ParseResult result)
    {
        if (result.GetValue(Replay) is not null)
            Refuse(result, "--replay executes one schedule that is given already", _bound, _time, _seed, _strategy, _weak);
        var limit = Limit(result);
        return new()
        {
            Strategy = LabOptions.Chosen(result.GetValue(_strategy)),
            UntilCovered = limit is null,
            PreemptionBound = (int)result.GetValue(_bound),
            Time = limit ?? DefaultTime,
            Seed = result.GetValue(_seed),
            WeakMemory = result.GetValue(_weak),
        };
    }

    /// <param name="result">The words of the user.</param>
    /// <param name="why">Why none of the options may be there.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="UserErrorException">One of them is there.</exception>
    public static void Refuse(ParseResult result, string why, params Option[] options)
    {
        foreach (var option in options)
        {
            if (result.GetResult(option) is { Implicit: false })
                throw new UserErrorException($"{why}{(why.EndsWith("or", StringComparison.Ordinal) ? "" : ";")} leave out {option.Name}");
        }
    }
}
