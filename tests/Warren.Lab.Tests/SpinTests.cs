using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>Loops that go round a few times and then do something else: to leave by count is an outcome like any other.</summary>
public sealed class SpinTests
{
    private static readonly LockClass Asleep = new("spin_wait", WaitContext.Sleep);

    private static ExplorationResult Explore(Action<Schedule> build, SearchStrategy strategy = SearchStrategy.Exhaustive) =>
        Explorer.Explore(new DelegateScenario("spin", "", build), new ExplorationOptions
        {
            Strategy = strategy,
            LockOrder = false,
            MaxSchedules = strategy == SearchStrategy.Exhaustive ? long.MaxValue : 3_000,
        });

    public static TheoryData<SearchStrategy, int> Ways
    {
        get
        {
            var ways = new TheoryData<SearchStrategy, int>();
            foreach (var strategy in Enum.GetValues<SearchStrategy>())
            {
                foreach (var rounds in (int[])[1, 3, 20, 200])
                    ways.Add(strategy, rounds);
            }

            return ways;
        }
    }

    /// <summary>Spins for a while, then sleeps; who wakes looks whether anybody sleeps before it writes.</summary>
    private static Action<Schedule> SpinThenPark(int rounds, bool wakesAfterwards) => s =>
    {
        var flag = new ExplorerTests.Cell();
        var wait = new RcuWait(Asleep);
        s.Thread("sleeper", () =>
        {
            var spin = default(SpinState);
            for (var i = 0; i < rounds; i++)
            {
                if (Atomics.Read(ref flag.Value, flag) != 0)
                    return;
                Cpu.Relax(ref spin);
            }

            wait.Prepare();
            while (Atomics.Read(ref flag.Value, flag) == 0)
                wait.Wait();
            wait.Finish();
        });
        s.Thread("waker", () =>
        {
            if (!wakesAfterwards)
                wait.WakeUp();
            Atomics.Write(ref flag.Value, 1, flag);
            if (wakesAfterwards)
                wait.WakeUp();
        });
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_wake_up_lost_behind_a_spin_is_found(SearchStrategy strategy, int rounds)
    {
        Assert.Equal(VerdictKind.LostWakeUp, Explore(SpinThenPark(rounds, wakesAfterwards: false), strategy).Failure?.Verdict?.Kind);
        Assert.Null(Explore(SpinThenPark(rounds, wakesAfterwards: true), strategy).Failure);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_is_done_when_time_is_over_is_explored(SearchStrategy strategy, int rounds)
    {
        static Action<Schedule> Taken(int rounds, bool frees) => s =>
        {
            var (done, freed) = (new ExplorerTests.Cell(), new ExplorerTests.Cell());
            s.Thread("waits", () =>
            {
                var spin = default(SpinState);
                for (var i = 0; i < rounds; i++)
                {
                    if (Atomics.Read(ref done.Value, done) != 0)
                        break;
                    Cpu.Relax(ref spin);
                }

                // Not answered in time: it takes the buffer away although the other still uses it.
                if (frees || Atomics.Read(ref done.Value, done) != 0)
                    Atomics.Write(ref freed.Value, 1, freed);
            });
            s.Thread("works", () =>
            {
                if (Atomics.Read(ref freed.Value, freed) != 0)
                    s.Fail(VerdictKind.UseAfterFree, "The buffer is used after it was taken away.");
                Atomics.Write(ref done.Value, 1, done);
            });
        };
        Assert.Equal(VerdictKind.UseAfterFree, Explore(Taken(rounds, frees: true), strategy).Failure?.Verdict?.Kind);
        Assert.Null(Explore(Taken(rounds, frees: false), strategy).Failure);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(40)]
    public void The_turn_after_the_last_retry_is_explored(int retries)
    {
        Action<Schedule> Build(bool isRight) => s =>
        {
            var (busy, value) = (new ExplorerTests.Cell { Value = 1 }, new ExplorerTests.Cell());
            s.Thread("retries", () =>
            {
                var spin = default(SpinState);
                for (var i = 0; Atomics.Read(ref busy.Value, busy) != 0; i++)
                {
                    if (i == retries)
                    {
                        // Gives up; the wrong turn says that it has not.
                        Atomics.Write(ref value.Value, isRight ? 2 : 1, value);
                        return;
                    }

                    Cpu.Relax(ref spin);
                }

                Atomics.Write(ref value.Value, 1, value);
            });
            s.Thread("ends", () => Atomics.Write(ref busy.Value, 0, busy));
            s.Invariant("success means idle", () => value.Value == 1 && busy.Value != 0 ? "it said so while busy" : null);
        };
        Assert.Equal(VerdictKind.Invariant, Explore(Build(isRight: false)).Failure?.Verdict?.Kind);
        var result = Explore(Build(isRight: true));
        Assert.Null(result.Failure);
        Assert.True(result.Exhausted);
        Assert.Empty(result.NotCovered);
    }

    [Fact]
    public void Each_round_of_a_loop_that_does_something_counts()
    {
        static Action<Schedule> Build(int limit) => s =>
        {
            var (flag, attempts) = (new ExplorerTests.Cell(), new ExplorerTests.Cell());
            s.Thread("tries", () =>
            {
                var spin = default(SpinState);
                for (var i = 0; i < 6 && Atomics.Read(ref flag.Value, flag) == 0; i++)
                {
                    Atomics.Increment(ref attempts.Value, attempts);
                    Cpu.Relax(ref spin);
                }
            });
            s.Thread("sets", () => Atomics.Write(ref flag.Value, 1, flag));
            s.Invariant("attempts", () => attempts.Value > limit ? $"{attempts.Value} attempts" : null);
        };
        for (var limit = 0; limit < 6; limit++)
            Assert.Equal(VerdictKind.Invariant, Explore(Build(limit)).Failure?.Verdict?.Kind);
        Assert.Null(Explore(Build(6)).Failure);
    }

    [Fact]
    public void A_loop_that_counts_for_ever_is_not_covered_and_says_so()
    {
        var result = Explore(s =>
        {
            var (flag, attempts) = (new ExplorerTests.Cell(), new ExplorerTests.Cell());
            s.Thread("tries", () =>
            {
                var spin = default(SpinState);
                while (Atomics.Read(ref flag.Value, flag) == 0)
                {
                    Atomics.Increment(ref attempts.Value, attempts);
                    Cpu.Relax(ref spin);
                }
            });
            s.Thread("sets", () => Atomics.Write(ref flag.Value, 1, flag));
        });
        Assert.Null(result.Failure);
        Assert.False(result.Exhausted);
        Assert.Contains("SpinTests.cs", Assert.Single(result.NotCovered), StringComparison.Ordinal);
    }

    [Fact]
    public void A_loop_that_waits_for_ever_is_complete_without_a_word()
    {
        var result = Explore(s =>
        {
            var flag = new ExplorerTests.Cell();
            s.Thread("waits", () =>
            {
                var spin = default(SpinState);
                while (Atomics.Read(ref flag.Value, flag) == 0)
                    Cpu.Relax(ref spin);
            });
            s.Thread("sets", () => Atomics.Write(ref flag.Value, 1, flag));
        });
        Assert.Null(result.Failure);
        Assert.True(result.Exhausted);
        Assert.Empty(result.NotCovered);
        Assert.InRange(result.Schedules, 1, 3);
    }

    [Fact]
    public void A_failure_behind_a_spin_is_replayed_the_same()
    {
        var scenario = new DelegateScenario("spin", "", SpinThenPark(5, wakesAfterwards: false));
        var failure = Explorer.Explore(scenario, new ExplorationOptions { LockOrder = false }).Failure!;
        var again = Explorer.Replay(scenario, failure.Replay);
        Assert.Equal(failure.Verdict, again.Verdict);
        Assert.Equal(failure.Steps.Select(static s => (s.Thread, s.Operation, s.Subject, s.Source)),
            again.Steps.Select(static s => (s.Thread, s.Operation, s.Subject, s.Source)));
    }
}
