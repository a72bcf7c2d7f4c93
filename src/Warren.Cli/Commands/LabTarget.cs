using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>The meaning of a name of the lab: a scenario on the code as it is, or on a broken variant of it.</summary>
internal abstract record LabTarget(string Name, string Summary, string Explanation)
{
    /// <summary>The name that stands for every core scenario.</summary>
    public const string Core = "core";

    /// <summary>The name that stands for every generated one.</summary>
    public const string Generated = "generated";

    public abstract ExplorationResult Explore(ExplorationOptions options, IProgress<ExplorationResult>? progress);

    /// <exception cref="FormatException">The string does not fit.</exception>
    public abstract Trace Replay(string replay);

    /// <summary>All that the names stand for, in their order and each once.</summary>
    /// <exception cref="UserErrorException">There is none of some name.</exception>
    public static IReadOnlyList<LabTarget> FindAll(IEnumerable<string> names, string? assembly) =>
        [.. names.SelectMany(n => assembly is null ? Members(n) : [n]).Distinct().Select(n => Find(n, assembly))];

    /// <summary>The names that a name stands for: most often itself.</summary>
    private static IEnumerable<string> Members(string name) => name switch
    {
        Core => ScenarioCatalogue.Core.Select(s => s.Name),
        Generated => ScenarioCatalogue.Generated.Select(s => s.Name),
        _ => [name],
    };

    /// <summary>Scenarios of the user's assembly when one is given, else the lab's, then the corpus.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static LabTarget Find(string name, string? assembly)
    {
        var scenarios = LabScenarios.Known(assembly);
        if (scenarios.FirstOrDefault(s => s.Name == name) is { } scenario)
            return new ScenarioTarget(scenario);
        var variants = assembly is null ? CorpusCatalogue.All : [];
        if (variants.FirstOrDefault(v => v.Name == name) is { } variant)
            return new VariantTarget(variant);
        if (assembly is null && GateFactory.All.Any(g => g.Name == name))
        {
            throw new UserErrorException(
                $"'{name}' is a gate and no scenario; name a scenario and add --gate {name}, or see 'warren lab explain {name}'");
        }
        var near = NearestNames.Hint(name, scenarios.Select(s => s.Name).Concat(variants.Select(v => v.Name)), "see 'warren lab list'");
        throw new UserErrorException(assembly is null ? $"There is no scenario '{name}'; {near}"
            : $"There is no scenario '{name}' in {assembly}; {near}");
    }

    /// <summary>True when a scenario or variant of the lab has that name.</summary>
    public static bool IsKnown(string name) =>
        LabScenarios.Known(null).Any(s => s.Name == name) || CorpusCatalogue.All.Any(v => v.Name == name);

    /// <summary>The rule and what a variant does otherwise: the first sentence of its flaw and the one that says "Here".</summary>
    public static string Sentence(Variant variant)
    {
        var text = string.Join(' ', variant.Flaw.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        var sentences = text.Replace(". ", ".\n", StringComparison.Ordinal).Split('\n');
        return sentences.Skip(1).FirstOrDefault(s => s.StartsWith("Here", StringComparison.Ordinal)) is { } here ? $"{sentences[0]} {here}"
            : sentences[0];
    }
}

internal sealed record ScenarioTarget(Scenario Scenario) : LabTarget(Scenario.Name, Scenario.Summary, Scenario.Explanation)
{
    public override ExplorationResult Explore(ExplorationOptions options, IProgress<ExplorationResult>? progress) =>
        Explorer.Explore(Scenario, options, progress);

    public override Trace Replay(string replay) => Explorer.Replay(Scenario, replay);
}

internal sealed record VariantTarget(Variant Variant) : LabTarget(Variant.Name, Sentence(Variant), Variant.Flaw)
{
    public override ExplorationResult Explore(ExplorationOptions options, IProgress<ExplorationResult>? progress)
    {
        var result = CorpusRunner.Run(Variant, options, progress: progress);
        return result.Exploration ?? throw new VariantException(result.Problem ?? $"Variant {Variant.Name} gave no result.");
    }

    public override Trace Replay(string replay) => CorpusRunner.Replay(Variant, replay);
}

/// <summary>A scenario on patched code.</summary>
internal sealed record PatchTarget(string Name, string Summary, string Explanation, ProductionPatch Patch)
    : LabTarget(Name, Summary, Explanation)
{
    /// <exception cref="UserErrorException">It is a variant, which is a patch of its own.</exception>
    public static PatchTarget Of(LabTarget target, ProductionPatch patch) => target is ScenarioTarget
        ? new(target.Name, target.Summary, target.Explanation, patch)
        : throw new UserErrorException(
            $"'{target.Name}' is a variant of the code and no scenario; name a scenario, as 'warren lab list' has them");

    public override ExplorationResult Explore(ExplorationOptions options, IProgress<ExplorationResult>? progress) =>
        Patch.Explore(Name, options, progress);

    public override Trace Replay(string replay) => Patch.Replay(Name, replay);
}
