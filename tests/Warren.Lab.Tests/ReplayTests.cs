using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>A replay string makes the same schedule happen again, always, or says why it cannot.</summary>
public sealed class ReplayTests
{
    private static readonly ExplorationOptions Options = new() { LockOrder = false, Strategy = SearchStrategy.Random };

    [Fact]
    public void Ten_thousand_of_ten_thousand_replays_make_the_same_steps()
    {
        var scenario = ExplorerTests.LostUpdate;
        var failure = Explorer.Explore(scenario, Options with { Minimise = false }).Failure!;
        var decoded = ReplayString.Decode(failure.Replay, scenario.Name);
        // Failing schedules cost new threads each; what the decisions lead to is compared on one that unwinds nobody.
        var passing = new DelegateScenario(scenario.Name, "", s =>
        {
            scenario.Build(s);
            s.EndChecks.Clear();
        });
        using var exploration = new Exploration(passing, Options);
        var identical = 0;
        exploration.Engine.Dropped = decoded.Dropped;
        for (var i = 0; i < 10_000; i++)
        {
            exploration.Engine.Run(new ReplaySearch(decoded), static () => true);
            if ((uint)exploration.Engine.TraceHash == decoded.TraceHash)
                identical++;
        }

        Assert.Equal(10_000, identical);
    }

    [Fact]
    public void A_replay_gives_the_trace_that_was_found()
    {
        var failure = Explorer.Explore(ExplorerTests.Abba, Options).Failure!;
        var again = Explorer.Replay(ExplorerTests.Abba, failure.Replay);
        Assert.Equal(failure.Verdict, again.Verdict);
        Assert.Equal(failure.Steps.Select(static s => (s.Thread, s.Operation, s.Subject, s.Source)), again.Steps.Select(static s => (s.Thread, s.Operation, s.Subject, s.Source)));
        Assert.InRange(failure.Replay.Length, 10, 200);
    }

    [Fact]
    public void Strings_that_do_not_fit_are_told_apart()
    {
        var replay = Explorer.Explore(ExplorerTests.Abba, Options).Failure!.Replay;
        Throws("damaged", ExplorerTests.Abba, replay[..^3]);
        Throws("damaged", ExplorerTests.Abba, "no replay string!");
        Throws("another scenario", ExplorerTests.LostUpdate, replay);
        Throws("version", ExplorerTests.Abba, "Z" + replay[1..]);
        var changed = new DelegateScenario(ExplorerTests.Abba.Name, "", s =>
        {
            var cell = new ExplorerTests.Cell();
            s.Thread("ab", () => Atomics.Increment(ref cell.Value, cell));
            s.Thread("ba", () => Atomics.Increment(ref cell.Value, cell));
        });
        Throws("has changed", changed, replay);
    }

    private static void Throws(string what, Scenario scenario, string replay) =>
        Assert.Contains(what, Assert.Throws<FormatException>(() => Explorer.Replay(scenario, replay)).Message, StringComparison.Ordinal);
}
