namespace Warren.Locking.Tests.Validation;

/// <summary>Recursion, nesting within a class, wait contexts, grace periods, pseudo-locks, declarations, leaks, releases, assertions: each both ways.</summary>
public sealed class RuleTests
{
    private static LockClass Spin(string name) => new(name, WaitContext.Spin);

    private static LockClass Sleep(string name) => new(name, WaitContext.Sleep);

    private static LockClass Free(string name) => new(name, WaitContext.Free);

    [Fact]
    public void Taking_a_lock_that_this_thread_holds_is_reported_before_it_hangs()
    {
        using var watched = new Watched(new LockValidatorOptions { Throw = true });
        var spin = new SpinLock(Spin("self"));
        spin.Lock();
        Assert.Throws<LockAssertionException>(spin.Lock);
        spin.Unlock();
        watched.Single(LockReportKind.Recursion);
    }

    [Fact]
    public void Read_sections_nest()
    {
        using var watched = new Watched();
        var srcu = new Srcu(Free("nest_srcu"));
        var outer = srcu.ReadLock();
        var inner = srcu.ReadLock();
        srcu.ReadUnlock(inner);
        srcu.ReadUnlock(outer);
        Check.AssertNoneHeld();
        watched.AssertClean();
    }

    [Fact]
    public void A_grace_period_inside_its_own_read_section_never_ends()
    {
        using var watched = new Watched(new LockValidatorOptions { Throw = true });
        var srcu = new Srcu(Free("own_srcu"));
        var idx = srcu.ReadLock();
        var e = Assert.Throws<LockAssertionException>(srcu.Synchronize);
        Assert.Contains("synchronize_srcu(own_srcu) waits for the section this thread is in itself", e.Message, StringComparison.Ordinal);
        srcu.ReadUnlock(idx);
        srcu.Synchronize();
        watched.Single(LockReportKind.Recursion);
    }

    [Fact]
    public void A_grace_period_under_a_lock_that_readers_take_is_a_circle()
    {
        using var watched = new Watched();
        var (srcu, mutex) = (new Srcu(Free("gp_srcu")), new Mutex(Sleep("gp_mutex")));
        watched.OneByOne(() =>
        {
            var idx = srcu.ReadLock();
            mutex.Lock();
            mutex.Unlock();
            srcu.ReadUnlock(idx);
        });
        watched.AssertClean();
        watched.OneByOne(() =>
        {
            mutex.Lock();
            srcu.Synchronize();
            mutex.Unlock();
        });
        var report = watched.Single(LockReportKind.Cycle);
        Assert.Contains("synchronize_srcu(gp_srcu)", report.Text, StringComparison.Ordinal);
        Assert.Contains("mutex_lock(gp_mutex)", report.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Readers_under_the_updaters_lock_and_grace_periods_under_it_are_fine()
    {
        using var watched = new Watched();
        var (srcu, mutex) = (new Srcu(Free("ok_srcu")), new Mutex(Sleep("ok_mutex")));
        mutex.Lock();
        srcu.ReadUnlock(srcu.ReadLock());
        srcu.Synchronize();
        srcu.Barrier();
        mutex.Unlock();
        // Nothing stays held of a grace period.
        Check.AssertNoneHeld();
        watched.AssertClean();
    }

    [Fact]
    public void Two_locks_of_one_class_need_a_rule()
    {
        using var watched = new Watched();
        var (c, named) = (Spin("pair"), Spin("pair_named"));
        named.AlsoNestsIn(named);
        Both(new SpinLock(named), new SpinLock(named));
        watched.AssertClean();
        Both(new SpinLock(c), new SpinLock(c));
        Assert.Contains("A second pair is taken", watched.Single(LockReportKind.Nesting).Sentence, StringComparison.Ordinal);
    }

    /// <summary>A try adds no order to what it takes, so what was taken by trying at a level shows in the order of what comes after it.</summary>
    [Fact]
    public void A_try_takes_the_subclass_that_it_names()
    {
        using var watched = new Watched();
        var spin = new SpinLock(Spin("try_spin"));
        var rw = new RwLock(Spin("try_rw"));
        var (mutex, semaphore) = (new Mutex(Sleep("try_mutex")), new RwSemaphore(Sleep("try_semaphore")));
        var inner = new SpinLock(Spin("try_inner"));
        (Func<bool> Try, Action Unlock)[] tries =
        [
            (() => spin.TryLock(1), spin.Unlock),
            (() => mutex.TryLock(1), mutex.Unlock),
            (() => rw.TryReadLock(1), rw.ReadUnlock),
            (() => rw.TryWriteLock(2), rw.WriteUnlock),
            (() => semaphore.TryDownRead(1), semaphore.UpRead),
            (() => semaphore.TryDownWrite(2), semaphore.UpWrite),
        ];
        foreach (var (take, unlock) in tries)
        {
            Assert.True(take());
            inner.Lock();
            inner.Unlock();
            unlock();
            Check.AssertNoneHeld();
        }

        watched.AssertClean();
        var graph = watched.Validator.Graph;
        Assert.Equal(["try_mutex/1", "try_rw/1", "try_rw/2", "try_semaphore/1", "try_semaphore/2", "try_spin/1"],
            graph.Edges.Where(e => graph.Classes[e.To].Name == "try_inner").Select(e => graph.Classes[e.From].Name).Order(StringComparer.Ordinal));

        // As a tree is walked: the parent held, the child only tried, at its level; the other way round it waits.
        var c = Spin("try_tree");
        var (parent, child) = (new SpinLock(c), new SpinLock(c));
        parent.Lock();
        Assert.True(child.TryLock(1));
        child.Unlock();
        parent.Unlock();
        watched.AssertClean();
        Assert.True(child.TryLock(1));
        parent.Lock();
        parent.Unlock();
        child.Unlock();
        graph = watched.Validator.Graph;
        Assert.Equal(["try_tree/1>try_tree"], graph.Edges.Select(e => $"{graph.Classes[e.From].Name}>{graph.Classes[e.To].Name}").Where(e => e.StartsWith("try_tree", StringComparison.Ordinal)));
        Assert.Throws<ArgumentOutOfRangeException>(() => child.TryLock(LockClass.MaxSubclasses));
    }

    [Fact]
    public void Subclasses_have_an_order_of_their_own()
    {
        using var watched = new Watched(new LockValidatorOptions());
        var c = Spin("tree");
        var (parent, child) = (new SpinLock(c), new SpinLock(c));
        for (var i = 0; i < 2; i++)
        {
            parent.Lock();
            child.Lock(1);
            child.Unlock();
            parent.Unlock();
        }

        watched.AssertClean();
        Assert.Equal("tree/1", c.Subclass(1).Name);
        Assert.Same(c.Subclass(1), c.Subclass(1));
        Assert.Same(c, c.Subclass(1).Subclass(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => c.Subclass(LockClass.MaxSubclasses));
        Assert.Throws<ArgumentOutOfRangeException>(() => c.Subclass(-1));
        // The other way round: a circle, and against the order of numbers.
        child.Lock(1);
        parent.Lock();
        parent.Unlock();
        child.Unlock();
        watched.Single(LockReportKind.Cycle);
        // Against the order of the numbers, with nothing seen the other way.
        var other = Spin("reversed");
        var (a, b) = (new SpinLock(other), new SpinLock(other));
        a.Lock(2);
        b.Lock(1);
        b.Unlock();
        a.Unlock();
        Assert.Equal(LockReportKind.UndeclaredOrder, watched.Reports[1].Kind);
    }

    [Fact]
    public void Every_lock_has_its_nested_form()
    {
        using var watched = new Watched(new LockValidatorOptions());
        var (rw, sem, mutex) = (Spin("sub_rw"), Sleep("sub_sem"), Sleep("sub_mutex"));
        var (r1, r2, s1, s2, m1, m2) = (new RwLock(rw), new RwLock(rw), new RwSemaphore(sem), new RwSemaphore(sem), new Mutex(mutex), new Mutex(mutex));
        m1.Lock();
        m2.Lock(1);
        m2.Unlock();
        m1.Unlock();
        s1.DownWrite();
        s2.DownWrite(1);
        s2.UpWrite();
        s2.DownRead(1);
        s2.UpRead();
        s1.UpWrite();
        r1.WriteLock();
        r2.WriteLock(1);
        r2.WriteUnlock();
        r2.ReadLock(1);
        r2.ReadUnlock();
        r1.WriteUnlock();
        Check.AssertNoneHeld();
        watched.AssertClean();
    }

    [Fact]
    public void A_class_may_define_the_order_of_its_locks()
    {
        using var watched = new Watched();
        var names = new System.Runtime.CompilerServices.ConditionalWeakTable<object, string>();
        var c = new LockClass("ranked", WaitContext.Spin)
        {
            Compare = (x, y) => string.CompareOrdinal(names.TryGetValue(x, out var a) ? a : "", names.TryGetValue(y, out var b) ? b : ""),
        };
        var (first, second) = (new SpinLock(c), new SpinLock(c));
        names.Add(first, "1");
        names.Add(second, "2");
        Both(first, second);
        watched.AssertClean();
        Both(second, first);
        Assert.Contains("against the order that the class defines", watched.Single(LockReportKind.Nesting).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lock_over_all_makes_any_order_safe()
    {
        using var watched = new Watched();
        var all = new Mutex(Sleep("nest_all"));
        var c = new LockClass("nest_each", WaitContext.Sleep) { NestLock = all.Class };
        var (x, y) = (new Mutex(c), new Mutex(c));
        all.Lock();
        Both(x, y);
        Both(y, x);
        all.Unlock();
        watched.AssertClean();
        Both(x, y);
        Assert.Contains("without nest_all held", watched.Single(LockReportKind.Nesting).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Sleeping_locks_are_not_taken_under_spinning_ones_even_when_free()
    {
        using var watched = new Watched();
        var (spin, mutex) = (new SpinLock(Spin("ctx_spin")), new Mutex(Sleep("ctx_mutex")));
        mutex.Lock();
        spin.Lock();
        spin.Unlock();
        mutex.Unlock();
        watched.AssertClean();
        var other = new Mutex(Sleep("ctx_other"));
        spin.Lock();
        other.Lock();
        other.Unlock();
        spin.Unlock();
        var report = watched.Single(LockReportKind.Context);
        Assert.Equal("mutex_lock(ctx_other) may sleep, but ctx_spin is held, whose holder may only spin.", report.Sentence);
    }

    [Fact]
    public void Trying_a_sleeping_lock_under_a_spinning_one_does_not_sleep()
    {
        using var watched = new Watched();
        var (spin, mutex) = (new SpinLock(Spin("tryctx_spin")), new Mutex(Sleep("tryctx_mutex")));
        spin.Lock();
        Assert.True(mutex.TryLock());
        mutex.Unlock();
        spin.Unlock();
        watched.AssertClean();
    }

    [Theory]
    [InlineData(WaitContext.Spin, WaitContext.Spin, true)]
    [InlineData(WaitContext.Spin, WaitContext.Sleep, false)]
    [InlineData(WaitContext.Spin, WaitContext.Block, false)]
    [InlineData(WaitContext.Sleep, WaitContext.Spin, true)]
    [InlineData(WaitContext.Sleep, WaitContext.Sleep, true)]
    [InlineData(WaitContext.Sleep, WaitContext.Block, false)]
    [InlineData(WaitContext.Block, WaitContext.Block, true)]
    public void What_might_wait_is_checked_although_it_does_not(WaitContext held, WaitContext wait, bool allowed)
    {
        using var watched = new Watched();
        var map = new LockMap(new LockClass("might", held));
        map.Enter();
        Check.MightWait(wait);
        map.Leave();
        Check.MightWait(WaitContext.Block);
        if (allowed)
            watched.AssertClean();
        else
            watched.Single(LockReportKind.Context);
    }

    [Fact]
    public void The_innermost_lock_does_not_lift_what_an_outer_one_imposes()
    {
        using var watched = new Watched();
        var (spin, srcu) = (new SpinLock(Spin("outer_spin")), new Srcu(Free("inner_srcu")));
        spin.Lock();
        var idx = srcu.ReadLock();
        Check.MightWait(WaitContext.Sleep);
        srcu.ReadUnlock(idx);
        spin.Unlock();
        Assert.Contains("outer_spin", watched.Single(LockReportKind.Context).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_sections_may_sleep_and_a_class_may_allow_its_holder_more()
    {
        using var watched = new Watched();
        var srcu = new Srcu(Free("sleepy_srcu"));
        var file = new Mutex(new LockClass("file_lock", WaitContext.Sleep) { HolderContext = WaitContext.Block });
        var idx = srcu.ReadLock();
        file.Lock();
        Check.MightWait(WaitContext.Block);
        file.Unlock();
        srcu.ReadUnlock(idx);
        watched.AssertClean();
    }

    [Fact]
    public void A_grace_period_and_an_event_are_waits_too()
    {
        using var watched = new Watched();
        var (spin, srcu, wait) = (new SpinLock(Spin("evt_spin")), new Srcu(Free("evt_srcu")), new RcuWait(Sleep("evt_wait")));
        wait.Prepare();
        wait.WakeUp();
        spin.Lock();
        srcu.Synchronize();
        wait.Wait();
        spin.Unlock();
        wait.Finish();
        Assert.Equal([LockReportKind.Context, LockReportKind.Context], watched.Reports.Select(r => r.Kind));
        Assert.Contains("Waiting for evt_wait may sleep", watched.Reports[1].Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_writer_of_a_sequence_may_not_sleep_its_readers_may()
    {
        using var watched = new Watched();
        var (count, mutex) = (new SequenceCount(Free("seq")), new Mutex(Sleep("seq_mutex")));
        mutex.Lock();
        count.WriteBegin();
        count.WriteEnd();
        var sequence = count.ReadBegin();
        Check.MightWait(WaitContext.Sleep);
        count.ReadRetry(sequence);
        mutex.Unlock();
        Check.AssertNoneHeld();
        watched.AssertClean();
        count.WriteBegin();
        Check.MightWait(WaitContext.Sleep);
        count.WriteEnd();
        watched.Single(LockReportKind.Context);
    }

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

    [Fact]
    public void A_lock_held_where_none_may_be()
    {
        using var watched = new Watched();
        var (mutex, srcu) = (new Mutex(Sleep("leak_mutex")), new Srcu(Free("leak_srcu")));
        Check.AssertNoneHeld();
        watched.AssertClean();
        mutex.Lock();
        var idx = srcu.ReadLock();
        Check.AssertNoneHeld();
        var report = watched.Single(LockReportKind.Leak);
        Assert.StartsWith("leak_mutex, leak_srcu still held", report.Sentence, StringComparison.Ordinal);
        Assert.Equal(2, report.Held.Count);
        srcu.ReadUnlock(idx);
        mutex.Unlock();
    }

    [Fact]
    public void A_call_gives_back_what_it_takes_and_may_be_entered_with_locks_held()
    {
        using var watched = new Watched();
        var (outer, inner) = (new Mutex(Sleep("bal_outer")), new Mutex(Sleep("bal_inner")));
        outer.Lock();
        Call(leak: false);
        watched.AssertClean();
        Call(leak: true);
        inner.Unlock();
        outer.Unlock();
        Assert.StartsWith("bal_inner still held at the end of a call", watched.Single(LockReportKind.Leak).Sentence, StringComparison.Ordinal);

        void Call(bool leak)
        {
            using var balance = Check.Balanced();
            inner.Lock();
            if (!leak)
                inner.Unlock();
        }
    }

    [Fact]
    public void A_call_that_releases_its_callers_lock_is_unbalanced()
    {
        using var watched = new Watched();
        var mutex = new Mutex(Sleep("steal"));
        mutex.Lock();
        var balance = Check.Balanced();
        mutex.Unlock();
        balance.Dispose();
        Assert.Contains("1 were held, 0 are", watched.Single(LockReportKind.Leak).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Assertions_mean_this_thread_readers_included()
    {
        using var watched = new Watched();
        var sem = new RwSemaphore(Sleep("asrt_sem"));
        sem.DownRead();
        sem.AssertHeld();
        watched.AssertClean();
        // Held by someone, so that the lock itself cannot object.
        watched.OneByOne(sem.AssertHeld);
        Assert.Equal("asrt_sem is not held by this thread where it must be.", watched.Single(LockReportKind.Assertion).Sentence);
        watched.OneByOne(sem.AssertNotHeld);
        Assert.Single(watched.Reports);
        sem.AssertNotHeld();
        Assert.Equal("asrt_sem is held by this thread where it must not be.", watched.Reports[1].Sentence);
        sem.UpRead();
    }

    [Fact]
    public void AssertNotHeld_of_every_lock_throws_for_the_owner()
    {
        using var watched = new Watched();
        var (spin, rw, sem, mutex) = (new SpinLock(Spin("not_spin")), new RwLock(Spin("not_rw")), new RwSemaphore(Sleep("not_sem")), new Mutex(Sleep("not_mutex")));
        spin.AssertNotHeld();
        rw.AssertNotHeld();
        sem.AssertNotHeld();
        mutex.AssertNotHeld();
        watched.AssertClean();
        mutex.Lock();
        Assert.Throws<LockAssertionException>(mutex.AssertNotHeld);
        mutex.Unlock();
        sem.DownWrite();
        Assert.Throws<LockAssertionException>(sem.AssertNotHeld);
        sem.UpWrite();
        rw.WriteLock();
        Assert.Throws<LockAssertionException>(rw.AssertNotHeld);
        rw.WriteUnlock();
        spin.Lock();
        Assert.Throws<LockAssertionException>(spin.AssertNotHeld);
        spin.Unlock();
        Assert.Equal(4, watched.Reports.Count(r => r.Kind == LockReportKind.Assertion));
    }

    [Fact]
    public void Releasing_a_readers_hold_one_does_not_have()
    {
        using var watched = new Watched();
        var sem = new RwSemaphore(Sleep("rel_sem"));
        sem.DownRead();
        watched.OneByOne(sem.UpRead);
        Assert.Equal("rel_sem is released by a thread that does not hold it.", watched.Single(LockReportKind.Release).Sentence);
    }

    [Fact]
    public void A_thread_that_was_broken_off_can_be_forgotten()
    {
        using var watched = new Watched();
        var mutex = new Mutex(Sleep("forget"));
        mutex.Lock();
        _ = Check.Balanced();
        watched.Validator.ForgetThread();
        Check.AssertNoneHeld();
        watched.AssertClean();
    }

    [Fact]
    public void Two_validators_on_one_thread_keep_apart_accounts()
    {
        using var first = new Watched();
        var mutex = new Mutex(Sleep("two"));
        mutex.Lock();
        using (var second = new Watched())
        {
            Check.AssertNoneHeld();
            second.AssertClean();
        }

        using (first.Enter())
        {
            Check.AssertNoneHeld();
            first.Single(LockReportKind.Leak);
            mutex.Unlock();
            Check.AssertNoneHeld();
            Assert.Single(first.Reports);
        }
    }

    [Fact]
    public void Locks_of_who_listens_to_reports_are_not_looked_at()
    {
        using var watched = new Watched();
        var mutex = new Mutex(Sleep("listener"));
        watched.Validator.Reported += _ =>
        {
            mutex.Lock();
            mutex.Unlock();
        };
        var spin = new SpinLock(Spin("listened"));
        spin.Lock();
        Check.AssertNoneHeld();
        spin.Unlock();
        watched.Single(LockReportKind.Leak);
    }

    private static void Both(SpinLock first, SpinLock second)
    {
        first.Lock();
        second.Lock();
        second.Unlock();
        first.Unlock();
    }

    private static void Both(Mutex first, Mutex second)
    {
        first.Lock();
        second.Lock();
        second.Unlock();
        first.Unlock();
    }
}
