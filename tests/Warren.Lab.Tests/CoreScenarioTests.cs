namespace Warren.Lab.Tests;

/// <summary>
/// The production code passes every core scenario, under each of its gates, in every schedule of at most two preemptions.
/// </summary>
public sealed class CoreScenarioTests
{
    private const string Endless = "endless-notifications-vs-update";

    public static TheoryData<string, string> Runs
    {
        get
        {
            var runs = new TheoryData<string, string>();
            foreach (var scenario in ScenarioCatalogue.Core)
            {
                foreach (var gate in Hypervisor.Invalidation.GateKind.All)
                {
                    if (scenario.Name != Endless || gate == Hypervisor.Invalidation.GateKind.Join)
                        runs.Add(scenario.Name, gate.Name);
                }
            }

            return runs;
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Nothing_is_found_in_production_code(string name, string gate)
    {
        var scenario = ScenarioCatalogue.Core.Single(s => s.Name == name);
        LabSettings.Gate = GateFactory.Create(gate);
        try
        {
            var result = Explorer.Explore(scenario, new ExplorationOptions { Strategy = SearchStrategy.Exhaustive, PreemptionBound = 2 });
            Assert.True(result.Failure is null, $"{result.Failure?.Verdict} {result.Failure?.Replay}");
            Assert.True(result.CompletedBound >= 2 || result.Exhausted);
            Assert.True(result.Steps > result.Schedules);
        }
        finally
        {
            LabSettings.Gate = null;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_found_by_chance_either(string name)
    {
        var scenario = ScenarioCatalogue.Core.Single(s => s.Name == name);
        foreach (var strategy in new[] { SearchStrategy.Random, SearchStrategy.Pct })
        {
            var result = Explorer.Explore(scenario, new ExplorationOptions { Strategy = strategy, MaxSchedules = 50 });
            Assert.True(result.Failure is null, $"{result.Failure?.Verdict} {result.Failure?.Replay}");
        }
    }

    [Theory]
    [InlineData("fault-under-notifications")]
    [InlineData("host-write-under-notifications")]
    [InlineData("fault-between-notifications")]
    [InlineData("host-write-between-notifications")]
    public void Nobody_starves_under_load(string name)
    {
        // Before faults lost their patience, each of them starved within some hundred schedules.
        LabSettings.Gate = Hypervisor.Invalidation.GateKind.Join;
        try
        {
            var result =
                Explorer.Explore(ScenarioCatalogue.Core.Single(s => s.Name == name), new ExplorationOptions { MaxSchedules = 2500 });
            Assert.True(result.Failure is null, $"{result.Failure?.Verdict} {result.Failure?.Replay}");
        }
        finally
        {
            LabSettings.Gate = null;
        }
    }

    [Fact]
    public void An_update_starves_behind_endless_notifications_under_active_count()
    {
        LabSettings.Gate = Hypervisor.Invalidation.GateKind.ActiveCount;
        try
        {
            var result = Explorer.Explore(ScenarioCatalogue.Core.Single(s => s.Name == Endless), new ExplorationOptions());
            Assert.Contains(result.Failure?.Verdict?.Kind, new VerdictKind?[] { VerdictKind.Starvation, VerdictKind.Livelock });
            Assert.StartsWith("update ", result.Failure!.Verdict!.Sentence, StringComparison.Ordinal);
        }
        finally
        {
            LabSettings.Gate = null;
        }
    }

    public static TheoryData<string> Names => new(ScenarioCatalogue.Core.Select(s => s.Name));

    [Fact]
    public void Names_are_words_joined_by_hyphens_and_unique()
    {
        Assert.All(ScenarioCatalogue.Core, s => Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", s.Name));
        Assert.Equal(ScenarioCatalogue.Core.Count, ScenarioCatalogue.Core.Select(s => s.Name).Distinct().Count());
    }
}
