using static Warren.Locking.Tests.Validation.Locks;

namespace Warren.Locking.Tests.Validation;

/// <summary>Dependencies that are not locks, and orders that are declared. Each both ways.</summary>
public sealed class PseudoLockTests
{
    [Fact]
    public void A_pseudo_lock_orders_like_a_lock()
    {
        // The shape of a semaphore held from the start of an invalidation to its end.
        using var watched = new Watched();
        var inside = new LockMap(Free("inside_notifier"));
        var slots = new RwSemaphore(Sleep("slots_rwsem"));
        inside.Enter(LockMode.Exclusive);
        slots.DownRead();
        inside.Leave(LockMode.Exclusive);
        inside.Enter(LockMode.Exclusive);
        slots.UpRead();
        inside.Leave(LockMode.Exclusive);
        var report = watched.Single(LockReportKind.Cycle);
        Assert.Equal(["slots_rwsem", "inside_notifier"], report.Edges.Select(e => e.From));
    }

    [Fact]
    public void A_waiter_for_an_event_is_ordered_against_those_who_bring_it_about()
    {
        using var watched = new Watched();
        var (inFlight, slots) = (new LockMap(Sleep("in_flight")), new Mutex(Sleep("evt_slots")));
        watched.OneByOne(() =>
        {
            slots.Lock();
            inFlight.Enter(LockMode.Exclusive);
            inFlight.Leave(LockMode.Exclusive);
            slots.Unlock();
        });
        watched.OneByOne(() =>
        {
            inFlight.Enter();
            inFlight.Enter();
            inFlight.Leave();
            inFlight.Leave();
        });
        watched.AssertClean();
        watched.OneByOne(() =>
        {
            inFlight.Enter();
            slots.Lock();
            slots.Unlock();
            inFlight.Leave();
        });
        watched.Single(LockReportKind.Cycle);
    }

    [Fact]
    public void What_is_primed_needs_no_event()
    {
        using var watched = new Watched();
        var (reclaim, inside, mmu) = (Free("p_reclaim"), Free("p_inside"), Spin("p_mmu_lock"));
        inside.Prime(reclaim);
        mmu.Prime(inside);
        watched.Validator.Prime();
        var map = new LockMap(reclaim);
        var mmuLock = new SpinLock(mmu);
        map.Enter(LockMode.Exclusive);
        map.Leave(LockMode.Exclusive);
        watched.AssertClean();
        // An allocation that may reclaim, under a lock that reclaim may need.
        mmuLock.Lock();
        map.Enter(LockMode.Exclusive);
        map.Leave(LockMode.Exclusive);
        mmuLock.Unlock();
        var report = watched.Reports.Single(r => r.Kind == LockReportKind.Cycle);
        Assert.Equal(["p_mmu_lock", "p_reclaim", "p_inside"], report.Edges.Select(e => e.From));
        Assert.Contains("primed", report.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_declared_orders_are_silent()
    {
        using var watched = new Watched(new LockValidatorOptions());
        var outer = Sleep("decl_outer");
        var middle = new LockClass("decl_middle", WaitContext.Sleep, outer);
        var inner = new LockClass("decl_inner", WaitContext.Spin, middle);
        var (o, i) = (new Mutex(outer), new SpinLock(inner));
        // By way of the middle one, which is not even held.
        o.Lock();
        i.Lock();
        i.Unlock();
        o.Unlock();
        watched.AssertClean();
        var stranger = new SpinLock(Spin("decl_stranger"));
        o.Lock();
        stranger.Lock();
        stranger.Unlock();
        o.Unlock();
        var report = watched.Single(LockReportKind.UndeclaredOrder);
        Assert.Equal("decl_stranger is taken inside decl_outer, which its declaration does not allow; it names no class.", report.Sentence);
        Assert.True(DeclaredOrder.Allows(outer, inner));
        Assert.False(DeclaredOrder.Allows(inner, outer));
    }

    [Fact]
    public void Classes_whose_order_is_learned_need_no_declaration()
    {
        using var watched = new Watched(new LockValidatorOptions());
        var (x, y) = (new SpinLock(Spin("learn_x")), new SpinLock(new LockClass("learn_y", WaitContext.Spin) { IsOrderLearned = true }));
        Both(x, y);
        watched.AssertClean();
    }

    [Fact]
    public void A_circle_of_declarations_is_found()
    {
        var a = Sleep("circle_a");
        var b = new LockClass("circle_b", WaitContext.Sleep, a);
        Assert.Null(DeclaredOrder.FindCircle([a, b]));
        a.AlsoNestsIn(b);
        Assert.Equal(3, DeclaredOrder.FindCircle([a, b])!.Count);
    }
}
