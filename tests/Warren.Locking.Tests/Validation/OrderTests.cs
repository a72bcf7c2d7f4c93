namespace Warren.Locking.Tests.Validation;

/// <summary>
/// Circles: found from one sighting of each chain, on one thread, whatever the timing; and nothing found where there is none.
/// </summary>
public sealed class OrderTests
{
    private static LockClass Spin(string name) => new(name, WaitContext.Spin) { IsOrderLearned = true };

    private static LockClass Sleep(string name) => new(name, WaitContext.Sleep) { IsOrderLearned = true };

    private static void Nested(SpinLock outer, SpinLock inner)
    {
        outer.Lock();
        inner.Lock();
        inner.Unlock();
        outer.Unlock();
    }

    [Fact]
    public void Abba_is_found_from_one_sighting_of_each_order_on_one_thread()
    {
        using var watched = new Watched();
        var (a, b) = (new SpinLock(Spin("abba_a")), new SpinLock(Spin("abba_b")));
        Nested(a, b);
        watched.AssertClean();
        Nested(b, a);
        var report = watched.Single(LockReportKind.Cycle);
        Assert.Equal(2, report.Edges.Count);
        Assert.Equal(("abba_b", "abba_a"), (report.Edges[0].From, report.Edges[0].To));
        Assert.Contains("abba_a is taken inside abba_b", report.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_order_again_and_other_instances_of_the_classes_are_fine()
    {
        using var watched = new Watched();
        var (ca, cb) = (Spin("same_a"), Spin("same_b"));
        for (var i = 0; i < 100; i++)
            Nested(new SpinLock(ca), new SpinLock(cb));
        watched.AssertClean();
        Assert.Single(watched.Validator.Graph.Edges);
    }

    [Fact]
    public void Order_is_of_classes_other_instances_reversed_are_a_circle()
    {
        using var watched = new Watched();
        var (ca, cb) = (Spin("inst_a"), Spin("inst_b"));
        Nested(new SpinLock(ca), new SpinLock(cb));
        Nested(new SpinLock(cb), new SpinLock(ca));
        watched.Single(LockReportKind.Cycle);
    }

    [Fact]
    public void Three_threads_each_with_two_of_three_locks()
    {
        using var watched = new Watched();
        var (a, b, c) = (new SpinLock(Spin("tri_a")), new SpinLock(Spin("tri_b")), new SpinLock(Spin("tri_c")));
        watched.OneByOne(() => Nested(a, b), () => Nested(b, c));
        watched.AssertClean();
        watched.OneByOne(() => Nested(c, a));
        var report = watched.Single(LockReportKind.Cycle);
        Assert.Equal(["tri_c", "tri_a", "tri_b"], report.Edges.Select(e => e.From));
    }

    [Fact]
    public void A_lock_between_hides_nothing()
    {
        // a, then a read section, then b: whoever holds a waits for b although a recursive reader stands between.
        using var watched = new Watched();
        var (a, s, b) =
            (new Mutex(Sleep("mid_a")), new Srcu(new LockClass("mid_s", WaitContext.Free) { IsOrderLearned = true }),
                new Mutex(Sleep("mid_b")));
        a.Lock();
        var idx = s.ReadLock();
        b.Lock();
        b.Unlock();
        s.ReadUnlock(idx);
        a.Unlock();
        watched.AssertClean();
        b.Lock();
        a.Lock();
        a.Unlock();
        b.Unlock();
        watched.Single(LockReportKind.Cycle);
    }

    [Fact]
    public void Locks_released_out_of_order_leave_the_right_ones_held()
    {
        using var watched = new Watched();
        var (a, b, c) = (new SpinLock(Spin("hand_a")), new SpinLock(Spin("hand_b")), new SpinLock(Spin("hand_c")));
        // Hand over hand: a is gone when c is taken.
        a.Lock();
        b.Lock();
        a.Unlock();
        c.Lock();
        b.Unlock();
        c.Unlock();
        Check.AssertNoneHeld();
        watched.AssertClean();
        var graph = watched.Validator.Graph;
        Assert.Equal(["hand_a>hand_b", "hand_b>hand_c"],
            graph.Edges.Select(e => $"{graph.Classes[e.From].Name}>{graph.Classes[e.To].Name}"));
    }

    [Fact]
    public void Trylock_adds_no_order_to_itself_but_one_from_itself()
    {
        using var watched = new Watched();
        var (a, b) = (new SpinLock(Spin("try_a")), new SpinLock(Spin("try_b")));
        Nested(a, b);
        b.Lock();
        Assert.True(a.TryLock());
        a.Unlock();
        b.Unlock();
        watched.AssertClean();

        var (c, d) = (new SpinLock(Spin("try_c")), new SpinLock(Spin("try_d")));
        Nested(c, d);
        Assert.True(d.TryLock());
        c.Lock();
        c.Unlock();
        d.Unlock();
        watched.Single(LockReportKind.Cycle);
    }

    [Fact]
    public void A_failed_trylock_holds_nothing()
    {
        using var watched = new Watched();
        var a = new SpinLock(Spin("fail_a"));
        a.Lock();
        watched.OneByOne(() =>
        {
            Assert.False(a.TryLock());
            Check.AssertNoneHeld();
        });
        a.Unlock();
        watched.AssertClean();
    }

    [Fact]
    public void Each_distinct_circle_is_told_once_and_the_validator_goes_on()
    {
        using var watched = new Watched();
        var told = 0;
        watched.Validator.Reported += _ => told++;
        var (a, b) = (new SpinLock(Spin("once_a")), new SpinLock(Spin("once_b")));
        Nested(a, b);
        for (var i = 0; i < 10; i++)
            Nested(b, a);
        Assert.Single(watched.Reports);
        var (c, d) = (new SpinLock(Spin("once_c")), new SpinLock(Spin("once_d")));
        Nested(c, d);
        for (var i = 0; i < 10; i++)
            Nested(d, c);
        Assert.Equal(2, watched.Reports.Count);
        Assert.Equal(2, told);
    }

    [Fact]
    public void One_acquisition_that_reverses_an_order_is_one_report()
    {
        // a -> b -> c, then c -> a: the circle a c says it; b is in another one only by way of it.
        using var watched = new Watched();
        var (a, b, c) = (new SpinLock(Spin("one_a")), new SpinLock(Spin("one_b")), new SpinLock(Spin("one_c")));
        Nested(c, a);
        a.Lock();
        b.Lock();
        c.Lock();
        c.Unlock();
        b.Unlock();
        a.Unlock();
        var report = watched.Single(LockReportKind.Cycle);
        Assert.Equal(["one_a", "one_c"], report.Edges.Select(e => e.From));
    }

    [Fact]
    public void Throwing_surfaces_at_the_faulty_call_before_the_lock_is_taken()
    {
        using var watched = new Watched(new LockValidatorOptions { Throw = true, DeclaredOrder = false });
        var (a, b) = (new SpinLock(Spin("throw_a")), new SpinLock(Spin("throw_b")));
        Nested(a, b);
        b.Lock();
        var e = Assert.Throws<LockAssertionException>(a.Lock);
        Assert.Contains("circular lock order", e.Message, StringComparison.Ordinal);
        Assert.False(a.IsLocked);
        b.Unlock();
        Check.AssertNoneHeld();
    }

    [Fact]
    public void Tables_grow_past_any_size()
    {
        using var watched = new Watched();
        const int count = 10_000;
        var locks = Enumerable.Range(0, count).Select(i => new SpinLock(Spin($"many_{i}"))).ToArray();
        for (var i = 0; i + 1 < count; i++)
            Nested(locks[i], locks[i + 1]);
        watched.AssertClean();
        var graph = watched.Validator.Graph;
        Assert.Equal(count, graph.Classes.Count);
        Assert.Equal(count - 1, graph.Edges.Count);
        Assert.Equal(2 * (count - 1), graph.ChainCount);
        // Still at work, over the whole length.
        Nested(locks[^1], locks[0]);
        var report = watched.Single(LockReportKind.Cycle);
        Assert.Equal(count, report.Edges.Count);
        // Text stays of a size for people.
        Assert.InRange(report.Text.Length, 1000, 30_000);
    }

    [Fact]
    public void A_stack_of_hundreds_of_locks_is_no_limit()
    {
        using var watched = new Watched();
        var locks = Enumerable.Range(0, 300).Select(i => new SpinLock(Spin($"deep_{i}"))).ToArray();
        foreach (var one in locks)
            one.Lock();
        foreach (var one in locks)
            one.Unlock();
        Check.AssertNoneHeld();
        watched.AssertClean();
        Nested(locks[299], locks[0]);
        watched.Single(LockReportKind.Cycle);
    }

    [Fact]
    public void A_known_chain_costs_no_allocation()
    {
        using var watched = new Watched();
        var (a, b, s) = (new SpinLock(Spin("hot_a")), new SpinLock(Spin("hot_b")), new Srcu(new LockClass("hot_s", WaitContext.Free)));
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Run();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        watched.AssertClean();

        void Run()
        {
            var idx = s.ReadLock();
            Nested(a, b);
            s.ReadUnlock(idx);
            Check.MightWait(WaitContext.Block);
            Check.AssertNoneHeld();
            Check.Balanced().Dispose();
        }
    }

    [Fact]
    public void Many_threads_at_once_find_what_is_there_and_no_more()
    {
        using var watched = new Watched();
        var classes = Enumerable.Range(0, 40).Select(i => Spin($"par_{i}")).ToArray();
        Threads.Run(4, t =>
        {
            using var mine = watched.Enter();
            var random = new Random(t);
            for (var i = 0; i < 2000; i++)
            {
                var first = random.Next(39);
                Nested(new SpinLock(classes[first]), new SpinLock(classes[random.Next(first + 1, 40)]));
            }
        });
        watched.AssertClean();
        Nested(new SpinLock(classes[39]), new SpinLock(classes[0]));
        watched.Single(LockReportKind.Cycle);
    }
}
