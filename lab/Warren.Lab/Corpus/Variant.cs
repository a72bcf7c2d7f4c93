namespace Warren.Lab;

/// <summary>A deliberately broken variant of the production code, and the scenario that shows what it breaks.</summary>
/// <param name="Name">Lower case, words joined by hyphens, unique.</param>
/// <param name="Origin">Where it comes from: a kernel commit, a review, or what the design rules out.</param>
/// <param name="Flaw">For <c>explain</c>, up to a dozen lines: the step of the protocol, what was changed, and the interleaving that
/// breaks.</param>
/// <param name="ScenarioName">Name of a scenario of <see cref="CorpusCatalogue.FindScenario"/>.</param>
/// <param name="Patches">Changes of the production sources; empty when the flaw is a gate.</param>
/// <param name="Expected">The kinds of verdict that name this flaw; any other is not this flaw found.</param>
public sealed record Variant(string Name, string Origin, string Flaw, string ScenarioName, IReadOnlyList<SourcePatch> Patches,
    IReadOnlyList<VerdictKind> Expected)
{
    /// <summary>
    /// Changes that break nothing and let a small scenario show the flaw (a batch of one instead of 64, steps where production code has
    /// none): the control exploration has them too.
    /// </summary>
    public IReadOnlyList<SourcePatch> Exposure { get; init; } = [];

    /// <summary>
    /// The gate to explore with instead of the default: one that is patched, or one that is the flaw itself (then there are no patches).
    /// Null: any.
    /// </summary>
    public string? Gate { get; init; }

    /// <summary>Shows only where stores are buffered.</summary>
    public bool WeakMemory { get; init; }

    /// <summary>Left to the oracle of the scenario: the lock validator would report the flaw at once, whatever the schedule.</summary>
    public bool LockOrder { get; init; } = true;
}
