using Warren.Lab.Fuzz;

namespace Warren.Lab;

/// <summary>The scenarios that come with the lab.</summary>
public static class ScenarioCatalogue
{
    /// <summary>Those of the production code: each is explored to bound 2 by the gate, and none of them may fail.</summary>
    public static IReadOnlyList<Scenario> Core { get; } =
    [
        .. PrimitiveScenarios.All,
        .. FaultScenarios.All,
        .. NotificationScenarios.All,
        .. MemslotScenarios.All,
        .. RmapScenarios.All,
        .. ShadowedScenarios.All,
        .. ShadowScenarios.All,
        .. DirtyLogScenarios.All,
        .. VcpuScenarios.All,
        .. ShadowZapScenarios.All,
        .. MemoryScenarios.All,
        .. LivenessScenarios.All,
        .. TimeScenarios.All,
    ];

    /// <summary>Generated programs that reach much; nobody wrote them for anything.</summary>
    public static IReadOnlyList<Scenario> Generated => GeneratedScenarios.All;
}
