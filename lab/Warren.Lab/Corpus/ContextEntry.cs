using System.Runtime.Loader;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;
using Warren.Lab.Fuzz;
using Warren.Lab.Mutation;

namespace Warren.Lab;

/// <summary>A request to a context; see <see cref="ExplorationOptions"/>.</summary>
internal sealed record ContextRequest(string Scenario, string? Gate, SearchStrategy Strategy, int PreemptionBound, bool UntilCovered,
    long MaxSchedules, TimeSpan? Time, ulong Seed, bool WeakMemory,
    bool DataRaces, bool LockOrder, bool Minimise, string? Replay = null, int? Mutant = null)
{
    /// <summary>A generated program to explore instead of the scenario.</summary>
    public string? Program { get; init; }

    /// <summary>An assembly with the scenario, compiled against this one.</summary>
    public byte[]? Assembly { get; init; }

    internal static ContextRequest From(Variant variant, ExplorationOptions options) =>
        new(variant.ScenarioName, variant.Gate, options.Strategy, options.PreemptionBound, options.UntilCovered, options.MaxSchedules,
            options.Time, options.Seed, variant.WeakMemory || options.WeakMemory,
            options.DataRaces, options.LockOrder && variant.LockOrder, options.Minimise);

    internal static ContextRequest From(string scenario, ExplorationOptions options) =>
        new(scenario, null, options.Strategy, options.PreemptionBound, options.UntilCovered, options.MaxSchedules, options.Time,
            options.Seed, options.WeakMemory, options.DataRaces, options.LockOrder,
            options.Minimise);

    internal ExplorationOptions ToOptions(CancellationToken cancellation) => new()
    {
        Strategy = Strategy,
        PreemptionBound = PreemptionBound,
        UntilCovered = UntilCovered,
        MaxSchedules = MaxSchedules,
        Time = Time,
        Seed = Seed,
        WeakMemory = WeakMemory,
        DataRaces = DataRaces,
        LockOrder = LockOrder,
        Minimise = Minimise,
        Cancellation = cancellation,
    };
}

/// <summary>
/// The way into a <see cref="VariantContext"/>: called there by reflection, as the context's copy of this type is another type.
/// </summary>
internal static class ContextEntry
{
    internal static string Explore(string requestText, Action<string>? progress, CancellationToken cancellation)
    {
        var request = ContextJson.ToRequest(requestText);
        var scenario = Scenario(request);
        LabSettings.Gate = request.Gate is { } gate ? GateFactory.Create(gate) : null;
        if (request.Mutant is { } mutant)
            MutantSwitch.Choose(mutant);
        if (request.Replay is not { } replay)
        {
            return ContextJson.ToText(
                Explorer.Explore(scenario, request.ToOptions(cancellation), progress is null ? null : new TextProgress(progress)));
        }
        var trace = Explorer.Replay(scenario, replay);
        return ContextJson.ToText(new ExplorationResult(scenario.Name, 1, trace.Steps.Count, -1, false, trace, TimeSpan.Zero));
    }

    /// <summary>Draws programs, and explores them, in the context.</summary>
    internal static string Fuzz(string requestText, Action<string>? progress, CancellationToken cancellation)
    {
        var request = JsonSerializer.Deserialize(requestText, ContextSerializer.Default.FuzzOptions)!;
        LabSettings.Gate = request.Gate is { } gate ? GateFactory.Create(gate) : null;
        var result = Fuzzer.Run(request with { Cancellation = cancellation }, progress is null ? null : new PlainProgress(progress));
        return JsonSerializer.Serialize(result, ContextSerializer.Default.FuzzResult);
    }

    private static Scenario Scenario(ContextRequest request)
    {
        if (request.Program is { } program)
            return new ProgramScenario(FuzzProgram.Parse(program));
        if (request.Assembly is not { Length: > 0 } bytes)
            return CorpusCatalogue.FindScenario(request.Scenario);
        var context = AssemblyLoadContext.GetLoadContext(typeof(ContextEntry).Assembly)!;
        return context.LoadFromStream(new MemoryStream(bytes)).GetExportedTypes().SelectMany(static t => t.GetProperties())
            .Select(static p => p.GetValue(null)).OfType<IEnumerable<Scenario>>().SelectMany(static s => s)
            .First(s => s.Name == request.Scenario);
    }

    /// <summary>Explores, and notes what is reached.</summary>
    /// <param name="sites">Their number.</param>
    internal static string Cover(string requestText, int sites, CancellationToken cancellation)
    {
        var reached = new byte[sites];
        MutantSwitch.Record(reached);
        try
        {
            var result = ContextJson.ToResult(Explore(requestText, null, cancellation));
            return JsonSerializer.Serialize(new(result, [.. Enumerable.Range(0, sites).Where(i => reached[i] != 0)]),
                ContextSerializer.Default.ContextCoverage);
        }
        finally
        {
            MutantSwitch.Record(null);
        }
    }
}

/// <summary>An exploration, and the places with mutants that it reached.</summary>
internal sealed record ContextCoverage(ExplorationResult Result, int[] Sites);

/// <summary>How far the exploration is, in text that another context can read.</summary>
internal sealed class TextProgress(Action<string> report) : IProgress<ExplorationResult>
{
    public void Report(ExplorationResult value) => report(ContextJson.ToText(value));
}

/// <summary>A line that tells how far it is.</summary>
internal sealed class PlainProgress(Action<string> report) : IProgress<string>
{
    public void Report(string value) => report(value);
}

internal static class ContextJson
{
    internal static string ToText(ContextRequest request) => JsonSerializer.Serialize(request, ContextSerializer.Default.ContextRequest);

    internal static ContextRequest ToRequest(string text) => JsonSerializer.Deserialize(text, ContextSerializer.Default.ContextRequest)!;

    internal static string ToText(ExplorationResult result) =>
        JsonSerializer.Serialize(result, ContextSerializer.Default.ExplorationResult);

    internal static ExplorationResult ToResult(string text) =>
        JsonSerializer.Deserialize(text, ContextSerializer.Default.ExplorationResult)!;
}

/// <summary>Generated, since reflection would cost each context as much as a small exploration.</summary>
[JsonSerializable(typeof(ContextRequest))]
[JsonSerializable(typeof(ExplorationResult))]
[JsonSerializable(typeof(ContextCoverage))]
[JsonSerializable(typeof(FuzzOptions))]
[JsonSerializable(typeof(FuzzResult))]
internal sealed partial class ContextSerializer : JsonSerializerContext;
