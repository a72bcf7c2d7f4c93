using TranslationCache;

namespace Warren.Lab.Tests.Samples;

/// <summary>The claims of docs/lab.md about its worked example are so.</summary>
public sealed class TranslationCacheTests
{
    private static ExplorationResult Explore(string name, bool weakMemory = false) =>
        Explorer.Explore(Scenarios.All.Single(s => s.Name == name),
            new() { Strategy = SearchStrategy.Exhaustive, PreemptionBound = 2, WeakMemory = weakMemory, MaxSchedules = 100_000 });

    [Fact]
    public void Looking_before_counting_is_found()
    {
        var result = Explore("look-then-count");
        Assert.Equal(VerdictKind.UseAfterFree, result.Failure?.Verdict?.Kind);
        Assert.InRange(result.Failure!.Preemptions, 1, 2);
    }

    [Fact]
    public void Counting_first_is_clean_when_stores_are_seen_at_once()
    {
        var result = Explore("count-then-look");
        Assert.Null(result.Failure);
        Assert.True(result.Exhausted || result.CompletedBound >= 2);
    }

    [Fact]
    public void The_missing_fence_is_found_with_store_buffers() =>
    Assert.Equal(VerdictKind.UseAfterFree, Explore("count-then-look", weakMemory: true).Failure?.Verdict?.Kind);

    [Fact]
    public void With_the_fence_it_is_clean_under_both_memories()
    {
        Assert.Null(Explore("count-then-look-fenced").Failure);
        Assert.Null(Explore("count-then-look-fenced", weakMemory: true).Failure);
    }
}
