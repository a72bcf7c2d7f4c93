using System.Threading;
using Warren.Locking;
using Mutex = Warren.Locking.Mutex;

namespace Warren.Lab.Tests;

/// <summary>A schedule that never ends is told by a certificate, and one that only takes long is not.</summary>
public sealed class LivenessTests
{
    private static readonly LockClass A = new("live_a", WaitContext.Sleep);
    private static readonly LockClass B = new("live_b", WaitContext.Sleep);
    private static readonly LockClass Asleep = new("live_wait", WaitContext.Sleep);
    private static readonly LockClass Tables = new("live_tables", WaitContext.Spin);

    private static Verdict? Verdict(Action<Schedule> build, SearchStrategy strategy = SearchStrategy.Portfolio) =>
        Explorer.Explore(new DelegateScenario("live", "", build),
            new ExplorationOptions { LockOrder = false, Strategy = strategy, MaxSchedules = 2_000 }).Failure?.Verdict;

    private static Verdict? Sleep(bool preparesFirst, bool wakes) => Verdict(s =>
    {
        var flag = new ExplorerTests.Cell();
        var wait = new RcuWait(Asleep);
        s.Thread("sleeper", () =>
        {
            if (preparesFirst)
                wait.Prepare();
            if (Atomics.Read(ref flag.Value, flag) == 0)
            {
                if (!preparesFirst)
                    wait.Prepare();
                do
                    wait.Wait();
                while (Atomics.Read(ref flag.Value, flag) == 0);
            }

            wait.Finish();
        });
        s.Thread("waker", () =>
        {
            Atomics.Write(ref flag.Value, wakes ? 1 : 0, flag);
            wait.WakeUp();
        });
    });

    [Fact]
    public void A_sleeper_that_looks_before_it_is_prepared_misses_its_wake_up()
    {
        Assert.Null(Sleep(preparesFirst: true, wakes: true));
        var verdict = Sleep(preparesFirst: false, wakes: true);
        Assert.Equal(VerdictKind.LostWakeUp, verdict?.Kind);
        Assert.Equal("sleeper sleeps on live_wait#1 although its condition is true, and nobody is left to wake it.", verdict!.Sentence);
    }

    [Fact]
    public void A_sleeper_whose_condition_nobody_makes_true_is_a_deadlock() =>
        Assert.Equal(VerdictKind.Deadlock, Sleep(preparesFirst: true, wakes: false)?.Kind);

    [Fact]
    public void A_loop_that_awaits_what_nobody_writes_is_a_livelock_with_certificate()
    {
        var verdict = Verdict(s =>
        {
            var flag = new ExplorerTests.Cell();
            s.Thread("waiter", () =>
            {
                var spin = default(SpinState);
                while (Atomics.Read(ref flag.Value, flag) < 2)
                    Cpu.Relax(ref spin);
            });
            s.Thread("writer", () => Atomics.Write(ref flag.Value, 1, flag));
        });
        Assert.Equal(VerdictKind.Livelock, verdict?.Kind);
        // The writer, which writes too little, is not needed for it.
        Assert.Contains("waiter loops until somebody writes Cell#1.Value (last written by nobody)", verdict!.Details,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_loop_whose_end_the_explorer_cannot_see_is_no_livelock()
    {
        // The second condition is local: a bounded number of tries.
        Assert.Null(Verdict(s =>
        {
            var flag = new ExplorerTests.Cell();
            s.Thread("impatient", () =>
            {
                var spin = default(SpinState);
                for (var tries = 0; tries < 10 && Atomics.Read(ref flag.Value, flag) == 0; tries++)
                    Cpu.Relax(ref spin);
            });
        }));
    }

    [Fact]
    public void Two_threads_that_back_off_from_each_other_for_ever_are_a_livelock()
    {
        static void Loop(Mutex first, Mutex second)
        {
            while (true)
            {
                first.Lock();
                if (second.TryLock())
                    break;
                first.Unlock();
            }

            second.Unlock();
            first.Unlock();
        }

        var verdict = Verdict(s =>
        {
            var (a, b) = (new Mutex(A), new Mutex(B));
            s.Thread("ab", () => Loop(a, b));
            s.Thread("ba", () => Loop(b, a));
        });
        Assert.Equal(VerdictKind.Livelock, verdict?.Kind);
    }

    /// <summary>A zap of all entries that starts again after each, or one that stops at what is new.</summary>
    private static Verdict? Zap(bool byGeneration) => Verdict(s =>
    {
        var (tables, state) = (new RwLock(Tables), new ExplorerTests.Cell());
        var entries = new int[2];
        var generation = 0;
        s.Background("vcpu", () =>
        {
            tables.WriteLock();
            entries[Math.Abs(generation) % 2] = generation + 1;
            tables.WriteUnlock();
        });
        s.Thread("zap", () =>
        {
            tables.WriteLock();
            generation++;
            tables.WriteUnlock();
            for (var isLeft = true; isLeft;)
            {
                tables.WriteLock();
                var entry = Array.FindIndex(entries, e => e != 0 && (!byGeneration || e <= generation));
                isLeft = entry >= 0;
                if (isLeft)
                    entries[entry] = 0;
                tables.WriteUnlock();
                Atomics.Read(ref state.Value, state);
            }
        });
    });

    [Fact]
    public void A_zap_that_restarts_starves_while_a_zap_by_generation_ends()
    {
        Assert.Null(Zap(byGeneration: true));
        var verdict = Zap(byGeneration: false);
        Assert.Equal(VerdictKind.Starvation, verdict?.Kind);
        Assert.StartsWith("zap gets nowhere while vcpu has completed", verdict!.Sentence, StringComparison.Ordinal);
    }

    /// <summary>An updater that waits until nobody is inside.</summary>
    private static Verdict? Update(int readers) => Verdict(s =>
    {
        var inside = new ExplorerTests.Cell();
        for (var i = 0; i < readers; i++)
        {
            s.Background($"reader {i}", () =>
            {
                Atomics.Increment(ref inside.Value, inside);
                Atomics.Decrement(ref inside.Value, inside);
            });
        }

        s.Thread("updater", () =>
        {
            var spin = default(SpinState);
            while (Atomics.Read(ref inside.Value, inside) != 0)
                Cpu.Relax(ref spin);
        });
    });

    [Fact]
    public void An_updater_that_waits_for_nobody_inside_starves_once_stays_overlap()
    {
        Assert.Equal(VerdictKind.Starvation, Update(readers: 2)?.Kind);
    }

    [Fact]
    public void Counting_for_ever_is_told_and_long_work_is_not()
    {
        static Verdict? Count(long rounds) => Verdict(s =>
        {
            var cell = new ExplorerTests.Cell();
            s.Thread("counter", () =>
            {
                for (var i = 0L; i < rounds; i++)
                    Atomics.Increment(ref cell.Value, cell);
            });
        }, SearchStrategy.Exhaustive);
        Assert.Null(Count(3_000));
        Assert.Equal(VerdictKind.Livelock, Count(long.MaxValue)?.Kind);
    }

    [Fact]
    public void A_thread_that_blocks_out_of_sight_is_told_instead_of_hanging()
    {
        using var never = new ManualResetEvent(false);
        var scenario = new DelegateScenario("native", "", s => s.Thread("blocked", () => never.WaitOne()));
        var verdict = Explorer.Explore(scenario, new ExplorationOptions { StallTime = TimeSpan.FromMilliseconds(500) }).Failure?.Verdict;
        never.Set();
        Assert.Equal(VerdictKind.Scenario, verdict?.Kind);
        Assert.Contains("blocked has made no step", verdict!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void State_shared_without_steps_is_told()
    {
        var hidden = 0;
        var verdict = Verdict(s =>
        {
            var cell = new ExplorerTests.Cell();
            for (var i = 0; i < 2; i++)
            {
                s.Thread($"t{i}", () =>
                {
                    Atomics.Increment(ref cell.Value, cell);
                    if (++hidden % 3 == 0)
                        Atomics.Increment(ref cell.Value, cell);
                    Atomics.Read(ref cell.Value, cell);
                });
            }
        }, SearchStrategy.Exhaustive);
        Assert.Equal(VerdictKind.Scenario, verdict?.Kind);
        Assert.Contains("touches shared state without a step", verdict!.Sentence, StringComparison.Ordinal);
    }
}
