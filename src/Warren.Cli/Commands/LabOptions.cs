using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>Options that the commands of the lab share, and what of them is wrong.</summary>
internal static class LabOptions
{
    private const int GreatestBound = 3;

    private static readonly (string Name, SearchStrategy Strategy)[] Strategies =
    [
        ("portfolio", SearchStrategy.Portfolio), ("exhaustive", SearchStrategy.Exhaustive), ("random", SearchStrategy.Random), ("pct", SearchStrategy.Pct),
        ("pos", SearchStrategy.PartialOrderSampling),
    ];

    public static Option<int> Bound()
    {
        var bound = new Option<int>("--bound") { Description = "Preemptions a schedule may have in the exhaustive search, 0 to 3.", HelpName = "N", DefaultValueFactory = _ => 2, CustomParser = ParseBound };
        return bound;
    }

    public static Option<TimeSpan?> Time(string description) => new("--time") { Description = description, HelpName = "T", CustomParser = OptionParsers.Duration };

    public static Option<ulong> Seed() => new("--seed") { Description = "Start of the random choices.", HelpName = "N", DefaultValueFactory = _ => 1, CustomParser = ParseSeed };

    public static Option<SearchStrategy?> Strategy() => new("--strategy")
    {
        Description = $"How schedules are chosen: {string.Join(", ", Strategies.Select(s => s.Name))}. Without it: exhaustive to the bound; with --time, portfolio.",
        HelpName = "S",
        CustomParser = ParseStrategy,
    };

    public static Option<string?> File(string name, string description) => new(name) { Description = description, HelpName = "FILE" };

    public static Option<bool> Json() => new("--json") { Description = "The result as one JSON object." };

    public static Option<string?> Assembly() => new("--assembly") { Description = "An assembly of yours with scenarios; see docs/lab.md.", HelpName = "FILE" };

    public static Option<string?> Gate() => new("--gate")
    {
        Description = "How memslot updates and notifications are kept apart, in scenarios that leave it open; see 'warren lab list'.",
        HelpName = "G",
    };

    /// <summary>Makes the gate that of every scenario of this process.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static void Choose(string? gate)
    {
        if (gate is null)
            return;
        LabSettings.Gate = GateFactory.All.FirstOrDefault(g => g.Name == gate) is { } kind
            ? kind
            : throw new UserErrorException($"There is no gate '{gate}'; {NearestNames.Hint(gate, GateFactory.All.Select(g => g.Name), $"choose {string.Join(", ", GateFactory.All.Select(g => g.Name))}")}");
    }

    public static string Name(SearchStrategy strategy) => Strategies.First(s => s.Strategy == strategy).Name;

    private static int ParseBound(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bound) && bound <= GreatestBound)
            return bound;
        result.AddError($"'{text}' is not a preemption bound; --bound takes a number from 0 to 3.");
        return 0;
    }

    private static ulong ParseSeed(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
            return seed;
        result.AddError($"'{text}' is not a seed; --seed takes a number from 0 to {ulong.MaxValue}.");
        return 0;
    }

    private static SearchStrategy? ParseStrategy(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        foreach (var (name, strategy) in Strategies)
        {
            if (name == text)
                return strategy;
        }

        var hint = NearestNames.Hint(text, Strategies.Select(s => s.Name), $"choose {string.Join(", ", Strategies.Select(s => s.Name))}");
        result.AddError($"There is no strategy '{text}'; {hint.TrimEnd('?')}.");
        return null;
    }
}
