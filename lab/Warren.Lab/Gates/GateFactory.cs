using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>Every gate there is, by name: the two of production, the three that lose, and the broken relatives of each.</summary>
public static class GateFactory
{
    /// <summary>Those that claim to be right, production's first; what <c>measure</c> compares.</summary>
    public static IReadOnlyList<GateKind> Correct { get; } = [.. GateKind.All];

    /// <summary>Those known to be wrong.</summary>
    public static IReadOnlyList<GateKind> Broken { get; } = [];

    public static IReadOnlyList<GateKind> All { get; } = [.. Correct, .. Broken];

    /// <exception cref="ArgumentException">There is none of that name; the message names those there are.</exception>
    public static GateKind Create(string name)
    {
        foreach (var kind in All)
        {
            if (kind.Name == name)
                return kind;
        }

        throw new ArgumentException($"There is no gate '{name}'; there are {string.Join(", ", All)}.");
    }
}
