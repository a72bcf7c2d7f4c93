using Warren.Hypervisor.Invalidation;

namespace Warren.Lab.Tests;

/// <summary>The gates by name, and the prices of those that lose.</summary>
public sealed class GateTests
{
    [Fact]
    public void Names_are_unique_and_found()
    {
        Assert.Equal(GateFactory.All.Count, GateFactory.All.Select(g => g.Name).Distinct().Count());
        Assert.All(GateFactory.All, g => Assert.Same(g, GateFactory.Create(g.Name)));
        Assert.All(GateFactory.All, g => Assert.Matches("^[a-z]+(-[a-z]+)*$", g.Name));
        Assert.Same(GateKind.Join, GateKind.Default);
    }

    [Fact]
    public void An_unknown_name_is_answered_with_those_there_are()
    {
        var e = Assert.Throws<ArgumentException>(() => GateFactory.Create("turnstile"));
        Assert.Contains("turnstile", e.Message, StringComparison.Ordinal);
        Assert.Contains("active-count", e.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Neither side of Join waits for the other, whatever keeps coming; an update of active-count starves behind the same.
    /// </summary>
    [Theory]
    [InlineData("join", null)]
    [InlineData("always-lock", null)]
    [InlineData("active-count", VerdictKind.Starvation)]
    public void Who_starves_behind_endless_notifications(string gate, VerdictKind? expected)
    {
        var result = Explore("gate-endless", gate, new ExplorationOptions { MaxSchedules = expected is null ? 500 : 20_000 });
        Assert.Equal(expected, result.Failure?.Verdict?.Kind);
    }

    /// <summary>The bump of the sequence needs three preemptions to be missed: with it, every schedule of that many is clean.</summary>
    [Fact]
    public void An_update_that_joins_is_right_in_every_schedule_of_two_preemptions()
    {
        foreach (var scenario in new[] { "gate-create", "gate-alias", "gate-delete-create", "gate-refused", "gate-removal", "gate-nested" })
        {
            var result = Explore(scenario, "join", new ExplorationOptions { Strategy = SearchStrategy.Exhaustive, PreemptionBound = 2 });
            Assert.True(result.Failure is null, $"{scenario}: {result.Failure?.Verdict}");
            Assert.True(result.CompletedBound >= 2 || result.Exhausted, scenario);
        }
    }

    [Fact]
    public void Nothing_is_measured_with_the_hooks_on()
    {
        var e = Assert.Throws<InvalidOperationException>(() => GateMeasure.Run(new MeasureOptions()));
        Assert.Contains("Warren.Check", e.Message, StringComparison.Ordinal);
    }

    private static ExplorationResult Explore(string scenario, string gate, ExplorationOptions options)
    {
        LabSettings.Gate = GateFactory.Create(gate);
        try
        {
            return Explorer.Explore(CorpusCatalogue.FindScenario(scenario), options);
        }
        finally
        {
            LabSettings.Gate = null;
        }
    }
}
