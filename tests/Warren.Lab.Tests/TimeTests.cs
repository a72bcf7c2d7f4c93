using Warren.Locking;

namespace Warren.Lab.Tests;

public sealed class TimeTests
{
    private static readonly LockClass WaitClass = new("time_wait", WaitContext.Sleep);
    private static readonly LockClass SpinClass = new("time_spin", WaitContext.Spin);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(30);

    private static ExplorationResult Explore(Action<Schedule> build, SearchStrategy strategy = SearchStrategy.Exhaustive) =>
        Explorer.Explore(new DelegateScenario("time", "", build), new ExplorationOptions { Strategy = strategy, MaxSchedules = 5_000 });

    [Theory]
    [InlineData(SearchStrategy.Exhaustive)]
    [InlineData(SearchStrategy.Random)]
    [InlineData(SearchStrategy.Pct)]
    [InlineData(SearchStrategy.PartialOrderSampling)]
    public void A_time_out_may_come_before_and_after_the_other(SearchStrategy strategy)
    {
        var outcomes = new HashSet<string>();
        var result = Explore(s =>
        {
            var clock = s.Clock;
            var done = new Cell();
            s.Thread("waits", () =>
            {
                var timeout = clock.Start(Patience);
                var spin = default(SpinState);
                while (done.Value == 0 && !timeout.HasExpired)
                    Cpu.Relax(ref spin);
                outcomes.Add(done.Value != 0 ? timeout.Stop() ? "done in time" : "done, and late" : "given up");
            });
            s.Thread("does", () => done.Value = 1);
        }, strategy);
        Assert.Null(result.Failure);
        Assert.Equal(["done in time", "done, and late", "given up"], outcomes.Order());
    }

    /// <summary>The answer is overwritten by who gives up: only where the time-out comes between.</summary>
    [Fact]
    public void Giving_up_over_an_answer_is_found_and_time_has_a_column()
    {
        var trace = Explore(s =>
        {
            var clock = s.Clock;
            var wait = new RcuWait(WaitClass);
            var request = new Cell();
            var (answered, gaveUp) = (false, false);
            s.Thread("asks", () =>
            {
                wait.Prepare();
                var timeout = clock.Start(Patience, () => wait.WakeUp());
                while (request.Value == 0 && !timeout.HasExpired)
                    wait.Wait();
                wait.Finish();
                if (timeout.HasExpired)
                {
                    request.Value = 2;
                    gaveUp = true;
                }
            });
            s.Thread("answers", () =>
            {
                answered = request.Exchange(1, 0) == 0;
                wait.WakeUp();
            });
            s.AtEnd("one of the two", () => answered && gaveUp ? "both" : null);
        }).Failure;
        Assert.Equal(VerdictKind.Invariant, trace?.Verdict?.Kind);
        var time = trace!.Threads.ToList().IndexOf("time");
        Assert.Contains(trace.Steps, step => step.Thread == time && step.Operation == CheckOperation.AtomicWrite && step.Value == 30);
        Assert.Contains(trace.Steps, step => step.Thread == time && step.Operation == CheckOperation.WaitWakeUp);
        Assert.InRange(trace.Preemptions, 0, 2);
    }

    [Fact]
    public void A_timer_that_wakes_nobody_leaves_a_sleeper_asleep()
    {
        var verdict = Explore(s =>
        {
            var clock = s.Clock;
            var wait = new RcuWait(WaitClass);
            s.Thread("waits", () =>
            {
                wait.Prepare();
                var timeout = clock.Start(Patience);
                while (!timeout.HasExpired)
                    wait.Wait();
                wait.Finish();
            });
        }).Failure?.Verdict;
        Assert.Equal(VerdictKind.LostWakeUp, verdict?.Kind);
    }

    [Fact]
    public void Timers_expire_in_their_order_and_stopped_ones_never()
    {
        var result = Explore(s =>
        {
            var clock = s.Clock;
            var expired = new List<int>();
            var stopped = true;
            s.Thread("late", () => clock.Start(TimeSpan.FromMilliseconds(20), () => expired.Add(20)));
            s.Thread("early", () => clock.Start(TimeSpan.FromMilliseconds(10), () => expired.Add(10)));
            s.Thread("never", () => stopped = clock.Start(TimeSpan.FromMilliseconds(15), () => expired.Add(15)).Stop());
            s.AtEnd("each once",
                () => expired.Count == (stopped ? 2 : 3) && expired.Contains(15) != stopped ? null : string.Join(", ", expired));
        });
        Assert.Null(result.Failure);
        Assert.True(result.Exhausted || result.CompletedBound >= 2);
    }

    [Fact]
    public void What_a_timer_does_is_bound_by_the_rules_of_interrupts()
    {
        var verdict = Explore(s =>
        {
            var l = new SpinLock(SpinClass);
            var clock = s.Clock;
            var held = new Cell();
            s.Thread("holds", () =>
            {
                clock.Start(Patience, () =>
                {
                    l.Lock();
                    l.Unlock();
                });
                l.Lock();
                held.Value = 1;
                l.Unlock();
            });
        }).Failure?.Verdict;
        Assert.Equal(VerdictKind.Exception, verdict?.Kind);
        Assert.Contains("must not wait (time_spin)", verdict!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_clock_is_taken_in_the_build()
    {
        var verdict = Explore(s => s.Thread("late", () => s.Clock.Start(Patience))).Failure?.Verdict;
        Assert.Equal(VerdictKind.Exception, verdict?.Kind);
        Assert.Contains("Schedule.Clock is asked for by a running thread", verdict!.Sentence, StringComparison.Ordinal);
    }
}
