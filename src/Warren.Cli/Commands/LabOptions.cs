using System.CommandLine;
using System.Globalization;
using Warren.Cli.CommandLine;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>Options that the commands of the lab share, and what of them is wrong.</summary>
internal static class LabOptions
{
    private static readonly (string Name, SearchStrategy Strategy)[] Strategies =
    [
        ("portfolio", SearchStrategy.Portfolio), ("exhaustive", SearchStrategy.Exhaustive), ("random", SearchStrategy.Random),
        ("pct", SearchStrategy.Pct),
        ("pos", SearchStrategy.PartialOrderSampling),
    ];

    public static Option<long> Bound() =>
        Options.Number("--bound", "Preemptions a schedule may have in the exhaustive search, 0 to 3.", 0, 3, 2);

    public static Option<TimeSpan?> Time(string description) => Options.Duration("--time", description);

    public static Option<ulong> Seed() =>
        new ValueOption<ulong>("--seed", "N", "Start of the random choices.", $"a number from 0 to {ulong.MaxValue}",
        (string text, out ulong value) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            DefaultValueFactory = _ => 1,
        };

    public static Option<string?> Strategy() => Options.Choice("--strategy", "S",
        $"How schedules are chosen: {Options.Either([.. Strategies.Select(s => s.Name)])}. Without it: portfolio.",
        Strategies.Select(s => s.Name));

    /// <summary>That of <see cref="Strategy"/>.</summary>
    public static SearchStrategy Chosen(string? name) =>
        name is null ? SearchStrategy.Portfolio : Strategies.First(s => s.Name == name).Strategy;

    public static Option<bool> Json() => Options.Flag("--json", "The result as one JSON object.");

    public static Option<string?> Assembly() => Options.File("--assembly", "An assembly of yours with scenarios; see docs/lab.md.");

    public static Option<string?> Gate() => Options.Text("--gate", "G",
        "How memslot updates and notifications are kept apart, in scenarios that leave it open; see 'warren lab list'.",
        "the name of a gate, as 'warren lab list' has it");

    /// <summary>Makes the gate that of every scenario of this process.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static void Choose(string? gate)
    {
        if (gate is null)
            return;
        if (GateFactory.All.FirstOrDefault(g => g.Name == gate) is not { } kind)
        {
            var known = GateFactory.All.Select(g => g.Name).ToList();
            var hint = NearestNames.Hint(gate, known, $"choose {string.Join(", ", known)}");
            throw new UserErrorException($"There is no gate '{gate}'; {hint}");
        }

        LabSettings.Gate = kind;
    }

    public static string Name(SearchStrategy strategy) => Strategies.First(s => s.Strategy == strategy).Name;
}
