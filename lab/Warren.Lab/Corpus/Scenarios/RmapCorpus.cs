namespace Warren.Lab;

/// <summary>Scenarios of other parts on VMs with a shadow MMU.</summary>
internal static class RmapCorpus
{
    private static readonly string[] s_names = ["access-vs-overlapping-discards", "access-vs-harvest-and-discard"];

    internal static IReadOnlyList<Scenario> All { get; } =
        [.. FaultCorpus.All.Where(s => s_names.Contains(s.Name)).Select(ShadowedScenarios.Of)];
}
