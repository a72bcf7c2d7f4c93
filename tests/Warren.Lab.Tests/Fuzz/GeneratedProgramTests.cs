using Warren.Lab.Fuzz;

namespace Warren.Lab.Tests.Fuzz;

/// <summary>Programs that are kept: the fixed set, and each that once broke something, be it the code or what judged it.</summary>
public sealed class GeneratedProgramTests
{
    public static TheoryData<string> Names => new(ScenarioCatalogue.Generated.Select(s => s.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_found_in_generated_scenarios(string name)
    {
        var scenario = (ProgramScenario)CorpusCatalogue.FindScenario(name);
        foreach (var strategy in new[] { SearchStrategy.Random, SearchStrategy.Pct })
        {
            var options = new ExplorationOptions { Strategy = strategy, MaxSchedules = 50, WeakMemory = scenario.Program.WeakMemory };
            var result = Explorer.Explore(scenario, options);
            Assert.True(result.Failure is null, $"{result.Failure?.Verdict} {result.Failure?.Replay}");
        }
    }

    [Theory]
    // The process' own writes tell nobody that code has changed.
    [InlineData("pages 1; vm; setup set 0 0 0 0 0 0; thread fetch 0 0; thread write 0 7")]
    // Before the threads start, too.
    [InlineData("pages 1; vm; setup set 0 0 0 0 0 0, fetch 0 0, write 0 7; thread load 0 0")]
    // One update turns logging off while another turns it on: between the two nothing need be logged.
    [InlineData("pages 1; vm; setup set 0 0 0 0 0 0, store 0 0 1; thread store 0 0 2; thread set 0 0 0 0 0 1; thread set 0 0 0 0 0 0")]
    // A device's write is marked in the bitmap that there was when it began.
    [InlineData("pages 1; vm; setup set 0 0 0 0 0 1; thread device-write 0 0 2; thread set 0 0 0 0 0 0, set 0 0 0 0 0 1")]
    // Rings alone record what vCPUs write.
    [InlineData("pages 1; vm ring; setup set 0 0 0 0 0 1; thread device-write 0 0 2; thread harvest 0")]
    // A vCPU that halts before the threads start.
    [InlineData("pages 1; vm; setup halt 0; thread kick 0; thread halt 0")]
    // One page of two slots, of which one is logged, under tables of the guest.
    [InlineData("pages 1; vm tables; setup set 0 0 0 0 0 0, set 0 1 1 0 0 1; thread store 0 0 2; thread store 0 1 3, get-log 0 1")]
    // The first shadow root runs out of memory, and the VM with it.
    [InlineData("pages 1; vm shadow; setup set 0 0 0 0 0 0, fail 0 4; thread load 0 0; thread load 0 0")]
    // A vCPU marked code below a root that the deletion was taking apart.
    [InlineData("pages 1; vm active-count impatient tables unmarked; setup set 0 0 0 0 0 1; thread fetch 0 0; thread delete 0 0")]
    public void Nothing_is_found_any_more(string program)
    {
        var scenario = new ProgramScenario(FuzzProgram.Parse(program));
        var result = Explorer.Explore(scenario, new ExplorationOptions { MaxSchedules = 600 });
        Assert.True(result.Failure is null, $"{result.Failure?.Verdict} {result.Failure?.Replay}");
    }
}
