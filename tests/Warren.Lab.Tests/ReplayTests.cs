using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>A replay string makes the same schedule happen again, always, or says why it cannot.</summary>
public sealed class ReplayTests
{
    private static readonly LockClass Class = new("lab_replay", WaitContext.Spin);
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
            if ((uint)exploration.Engine.State.TraceHash == decoded.TraceHash)
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
        Assert.Equal(failure.Steps.Select(static s => (s.Thread, s.Operation, s.Subject, s.Source)),
            again.Steps.Select(static s => (s.Thread, s.Operation, s.Subject, s.Source)));
        Assert.InRange(failure.Replay.Length, 10, 200);
    }

    [Fact]
    public void The_first_try_of_an_exploration_gives_its_replay_no_points_that_it_did_not_have()
    {
        // From a try on, releases are points too; the schedule that makes the first one was played without.
        var scenario = new DelegateScenario("first-try", "", s =>
        {
            var (before, after) = (new ExplorerTests.Cell(), new ExplorerTests.Cell());
            var held = new SpinLock(Class);
            s.Thread("locks", () =>
            {
                Atomics.Increment(ref before.Value, before);
                held.Lock();
                held.Unlock();
                Atomics.Increment(ref after.Value, after);
            });
            s.Thread("tries", () =>
            {
                if (Atomics.Read(ref before.Value, before) == 0 || Atomics.Read(ref after.Value, after) != 0 || !held.TryLock())
                    return;
                held.Unlock();
                s.Fail(VerdictKind.Invariant, "between: nobody may come here");
            });
        });
        var failure = Explorer.Explore(scenario, new ExplorationOptions { Strategy = SearchStrategy.Exhaustive }).Failure!;
        Assert.Equal(VerdictKind.Invariant, failure.Verdict!.Kind);
        Assert.Equal(failure.Verdict, Explorer.Replay(scenario, failure.Replay).Verdict);
    }

    [Fact]
    public void What_was_found_under_other_options_is_replayed_under_them()
    {
        var racy = new DelegateScenario("racy", "", s =>
        {
            var cell = new ExplorerTests.Cell();
            s.Thread("one", () => Shared.Write(ref cell.Value, Shared.Read(ref cell.Value, cell) + 1, cell));
            s.Thread("two", () => Shared.Write(ref cell.Value, Shared.Read(ref cell.Value, cell) + 1, cell));
            s.AtEnd("both count", () => cell.Value == 2 ? null : "one is lost");
        });
        var with = Explorer.Explore(racy, Options).Failure!;
        Assert.Equal(VerdictKind.DataRace, with.Verdict!.Kind);
        var without =
            Explorer.Explore(racy, Options with { DataRaces = false, FairAfter = 2_000, StarvationRounds = 32, MaxSteps = 5_000 }).Failure!;
        Assert.Equal(VerdictKind.Invariant, without.Verdict!.Kind);
        Assert.Equal(without.Verdict, Explorer.Replay(racy, without.Replay).Verdict);
        var judging = ReplayString.Decode(without.Replay, racy.Name).Judging;
        Assert.Equal(new ReplayJudging(false, false, false, 5_000, 2_000, 32), judging);
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
