using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>The validator sees in one harmless schedule what another timing would do.</summary>
public sealed class LockOrderTests
{
    private static readonly LockClass Outer = new("order_outer", WaitContext.Sleep);
    private static readonly LockClass Inner = new("order_inner", WaitContext.Sleep, Outer);
    private static readonly LockClass Spin = new("order_spin", WaitContext.Spin);

    private static Verdict? Verdict(Action<Schedule> build) =>
        Explorer.Explore(new DelegateScenario("order", "", build), new ExplorationOptions { MaxSchedules = 100 }).Failure?.Verdict;

    [Fact]
    public void Both_orders_on_one_thread_are_an_order_violation()
    {
        var verdict = Verdict(s =>
        {
            var (outer, inner) = (new Mutex(Outer), new Mutex(Inner));
            s.Thread("t", () =>
            {
                ExplorerTests.Take(outer, inner);
                ExplorerTests.Take(inner, outer);
            });
        });
        Assert.Equal(VerdictKind.LockOrder, verdict?.Kind);
        Assert.Contains("order_outer", verdict!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void An_order_that_only_another_schedule_contradicts_is_one_in_the_replay_too()
    {
        LockClass[] learned =
            [new("order_learned_a", WaitContext.Sleep) { IsOrderLearned = true },
                new("order_learned_b", WaitContext.Sleep) { IsOrderLearned = true }];
        var scenario = new DelegateScenario("order", "", s =>
        {
            var (a, b) = (new Mutex(learned[0]), new Mutex(learned[1]));
            s.Thread("t", () =>
            {
                if (s.Choose("the other way round"))
                    ExplorerTests.Take(b, a);
                else
                    ExplorerTests.Take(a, b);
            });
        });
        var failure = Explorer.Explore(scenario, new ExplorationOptions { MaxSchedules = 100 }).Failure!;
        Assert.Equal(VerdictKind.LockOrder, failure.Verdict?.Kind);
        var again = Explorer.Replay(scenario, failure.Replay);
        Assert.Equal(VerdictKind.LockOrder, again.Verdict?.Kind);
        Assert.Equal(failure.Steps.Select(static s => s.Subject), again.Steps.Select(static s => s.Subject));
    }

    [Fact]
    public void The_declared_order_passes() => Assert.Null(Verdict(s =>
    {
        var (outer, inner) = (new Mutex(Outer), new Mutex(Inner));
        s.Thread("one", () => ExplorerTests.Take(outer, inner));
        s.Thread("two", () => ExplorerTests.Take(outer, inner));
    }));

    [Fact]
    public void A_mutex_under_a_spinning_lock_is_a_sleep_in_atomic()
    {
        var verdict = Verdict(s =>
        {
            var (spin, outer) = (new SpinLock(Spin), new Mutex(Outer));
            s.Thread("t", () =>
            {
                spin.Lock();
                outer.Lock();
                outer.Unlock();
                spin.Unlock();
            });
        });
        Assert.Equal(VerdictKind.SleepInAtomic, verdict?.Kind);
    }
}
