namespace Warren.Lab.Tests;

public sealed class VariantTests
{
    [Fact]
    public void Every_anchor_is_there_exactly_once()
    {
        foreach (var variant in CorpusCatalogue.All)
            CorpusRunner.Prepare(variant);
    }

    [Fact]
    public void A_missing_anchor_fails_loudly()
    {
        var patch = new SourcePatch("Warren.Locking", "RwLock.cs", "no such text in it", "");
        var e = Assert.Throws<VariantException>(() => ProductionSources.Patched("lost", "Warren.Locking", [patch]));
        Assert.Contains("lost", e.Message, StringComparison.Ordinal);
        Assert.Contains("RwLock.cs", e.Message, StringComparison.Ordinal);
        Assert.Contains("no such text in it", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_anchor_that_occurs_twice_fails_loudly()
    {
        var patch = new SourcePatch("Warren.Locking", "RwLock.cs", "Interlocked", "");
        var e = Assert.Throws<VariantException>(() => ProductionSources.Patched("twice", "Warren.Locking", [patch]));
        Assert.Contains("more than once", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_patch_that_does_not_compile_names_the_error()
    {
        var variant =
            CorpusCatalogue.All[0] with
            { Patches = [new SourcePatch("Warren.Locking", "RwLock.cs", "public bool IsContended =>", "public nonsense IsContended =>")] };
        var e = Assert.Throws<VariantException>(() => CorpusRunner.Run(variant, new ExplorationOptions { MaxSchedules = 1 }));
        Assert.Contains("does not compile", e.Message, StringComparison.Ordinal);
        Assert.Contains("nonsense", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_unique_and_scenarios_exist()
    {
        Assert.Equal(CorpusCatalogue.All.Count, CorpusCatalogue.All.Select(v => v.Name).Distinct().Count());
        foreach (var variant in CorpusCatalogue.All)
        {
            Assert.NotNull(CorpusCatalogue.FindScenario(variant.ScenarioName));
            Assert.NotEmpty(variant.Expected);
            Assert.InRange(variant.Flaw.Split('\n').Length, 1, 14);
        }
    }

    /// <summary>The figures of the corpus: everything is found, as what it is, soon, and told in few preemptions.</summary>
    [Fact]
    public void Every_variant_is_found()
    {
        var options = new ExplorationOptions { MaxSchedules = 30_000 };
        var results = CorpusRunner.RunAll(CorpusCatalogue.All, options, parallel: Math.Min(2, Environment.ProcessorCount));
        Assert.Empty(results.Where(r => r.Problem is not null).Select(r => $"{r.Variant.Name}: {r.Problem}"));
        Assert.InRange(results.Select(r => r.Schedules).Order().ElementAt(results.Count / 2), 1, 1_000);
        Assert.InRange(results.Count(r => r.Preemptions <= 3), (int)Math.Ceiling(0.95 * results.Count), results.Count);
    }

    /// <summary>A scenario that is there for a variant finds nothing in the code as it is, also with what exposes the flaw.</summary>
    [Fact]
    public void No_scenario_of_a_variant_gives_a_false_alarm()
    {
        Variant[] variants =
            [.. CorpusCatalogue.All.DistinctBy(v => (v.ScenarioName, v.WeakMemory, v.Exposure.Count, v.Patches.Count > 0 ? v.Gate : null))];
        var results =
            CorpusRunner.ExploreAllUnpatched(variants, new ExplorationOptions { MaxSchedules = 300, Minimise = false },
                Math.Min(2, Environment.ProcessorCount));
        Assert.Equal(variants.Length, results.Count);
        Assert.Empty(variants.Zip(results).Where(static p => p.Second.Failure is not null)
            .Select(static p =>
                $"{p.First.ScenarioName} ({p.First.Name}): {p.Second.Failure!.Verdict?.Kind}: {p.Second.Failure.Verdict?.Sentence}"));
    }
}
