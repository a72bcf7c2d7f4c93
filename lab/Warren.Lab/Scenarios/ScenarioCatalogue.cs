namespace Warren.Lab;

/// <summary>Every scenario that the command line knows by name.</summary>
public static class ScenarioCatalogue
{
    /// <summary>The core: explored to bound 2 on the production code by the gate.</summary>
    public static IReadOnlyList<Scenario> Core { get; } = [];
}
