namespace Warren.Lab;

/// <summary>The corpus: every variant, and the scenarios that are there for variants only.</summary>
public static class CorpusCatalogue
{
    /// <summary>In the order of <c>warren lab corpus</c>.</summary>
    public static IReadOnlyList<Variant> All { get; } =
    [
        .. FaultVariants.All, .. ZapVariants.All, .. ShadowZapVariants.All, .. DirtyLogVariants.All, .. VcpuVariants.All,
        .. MemslotVariants.All, .. RmapVariants.All, .. ShadowVariants.All, .. NotifierVariants.All, .. JoinVariants.All,
        .. GateVariants.All, .. HostMemoryVariants.All, .. PrimitiveVariants.All,
    ];

    /// <summary>Beside <see cref="ScenarioCatalogue.Core"/>: clean on the production code too.</summary>
    public static IReadOnlyList<Scenario> Scenarios { get; } =
    [
        .. FaultCorpus.All, .. DirtyLogCorpus.All, .. VcpuCorpus.All, .. MemslotCorpus.All, .. RmapCorpus.All, .. NotifierCorpus.All,
        .. HostMemoryCorpus.All, .. PrimitiveCorpus.All, .. GateScenarios.All,
    ];

    /// <exception cref="VariantException">There is none of that name.</exception>
    public static Scenario FindScenario(string name) =>
        ScenarioCatalogue.Core.Concat(Scenarios).Concat(ScenarioCatalogue.Generated).FirstOrDefault(s => s.Name == name)
        ?? throw new VariantException($"There is no scenario {name}.");
}
