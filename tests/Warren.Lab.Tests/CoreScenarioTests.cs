namespace Warren.Lab.Tests;

/// <summary>The production code passes every core scenario.</summary>
public sealed class CoreScenarioTests
{
    public static TheoryData<string> Names => new(ScenarioCatalogue.Core.Select(s => s.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_found_in_production_code(string name)
    {
        var scenario = ScenarioCatalogue.Core.Single(s => s.Name == name);
        var result = Explorer.Explore(scenario, new ExplorationOptions { MaxSchedules = 200 });
        Assert.True(result.Failure is null, $"{result.Failure?.Verdict}");
        Assert.True(result.Steps > result.Schedules);
    }

    [Fact]
    public void Names_are_words_joined_by_hyphens_and_unique()
    {
        Assert.All(ScenarioCatalogue.Core, s => Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", s.Name));
        Assert.Equal(ScenarioCatalogue.Core.Count, ScenarioCatalogue.Core.Select(s => s.Name).Distinct().Count());
    }
}
