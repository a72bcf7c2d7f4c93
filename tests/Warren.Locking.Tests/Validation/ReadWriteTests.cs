namespace Warren.Locking.Tests.Validation;

/// <summary>
/// Which circles of readers and writers deadlock. Every pair of orders a -> b and b -> a over every mode of both locks, against a statement
/// of the rule that does not share the validator's: a circle deadlocks when each thread's wait is really for the other's hold.
/// </summary>
public sealed class ReadWriteTests
{
    /// <summary>How a lock is taken: exclusively, as a reader that queues behind writers, or as one that does not.</summary>
    public enum Mode
    {
        Write,
        QueueingRead,
        PassingRead,
    }

    public static TheoryData<Mode, Mode, Mode, Mode> Pairs()
    {
        var data = new TheoryData<Mode, Mode, Mode, Mode>();
        var modes = Enum.GetValues<Mode>();
        foreach (var a1 in modes)
        {
            foreach (var b1 in modes)
            {
                foreach (var b2 in modes)
                {
                    foreach (var a2 in modes)
                        data.Add(a1, b1, b2, a2);
                }
            }
        }

        return data;
    }

    /// <summary>True when a waiter in one mode can be kept waiting by a holder in another, with other writers about.</summary>
    private static bool Blocks(Mode holder, Mode waiter) => holder == Mode.Write || waiter != Mode.PassingRead;

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Two_threads_two_locks(Mode firstA, Mode firstB, Mode secondB, Mode secondA)
    {
        using var watched = new Watched();
        var (a, b) = (new Any("a"), new Any("b"));
        watched.OneByOne(() => Nested(a, firstA, b, firstB), () => Nested(b, secondB, a, secondA));
        if (Blocks(firstA, secondA) && Blocks(secondB, firstB))
            watched.Single(LockReportKind.Cycle);
        else
            watched.AssertClean();
    }

    [Fact]
    public void A_circle_may_be_strong_by_a_longer_way_where_the_short_one_is_weak()
    {
        // c enters b only as a passing reader while b is held shared: no wait. By d it enters b as a writer.
        using var watched = new Watched();
        var (b, c, d) = (new Any("b"), new Any("c"), new Any("d"));
        watched.OneByOne(
            () => Nested(b, Mode.PassingRead, c, Mode.Write),
            () => Nested(c, Mode.Write, b, Mode.PassingRead));
        watched.AssertClean();
        watched.OneByOne(
            () => Nested(c, Mode.Write, d, Mode.Write),
            () => Nested(d, Mode.Write, b, Mode.Write));
        Assert.Equal(3, watched.Single(LockReportKind.Cycle).Edges.Count);
    }

    [Fact]
    public void A_mode_that_appears_later_completes_a_circle()
    {
        using var watched = new Watched();
        var (a, b) = (new Any("a"), new Any("b"));
        watched.OneByOne(
            () => Nested(a, Mode.PassingRead, b, Mode.Write),
            () => Nested(b, Mode.Write, a, Mode.PassingRead));
        watched.AssertClean();
        watched.OneByOne(() => Nested(b, Mode.Write, a, Mode.Write));
        watched.Single(LockReportKind.Cycle);
    }

    [Fact]
    public void The_report_shows_the_writer_that_comes_between_two_readers()
    {
        using var watched = new Watched();
        var m = new Mutex(new LockClass("rw_m", WaitContext.Sleep));
        var s = new RwSemaphore(new LockClass("rw_s", WaitContext.Sleep));
        m.Lock();
        s.DownRead();
        s.UpRead();
        m.Unlock();
        s.DownRead();
        m.Lock();
        m.Unlock();
        s.UpRead();
        var text = watched.Single(LockReportKind.Cycle).Text;
        Assert.Contains("down_write(rw_s)", text, StringComparison.Ordinal);
        Assert.Contains("CPU2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Readers_of_one_lock_must_not_nest()
    {
        using var watched = new Watched();
        var sem = new RwSemaphore(new LockClass("nest_read", WaitContext.Sleep));
        sem.DownRead();
        sem.DownRead();
        sem.UpRead();
        sem.UpRead();
        watched.Single(LockReportKind.Recursion);
    }

    [Fact]
    public void After_a_downgrade_the_hold_is_a_readers()
    {
        // Held shared, waited for by a passing reader: no circle. Had it stayed exclusive, there would be one.
        foreach (var downgrade in new[] { true, false })
        {
            using var watched = new Watched();
            var s = new RwSemaphore(new LockClass("down_s", WaitContext.Sleep));
            var map = new LockMap(new LockClass("down_map", WaitContext.Free));
            var other = new Mutex(new LockClass("down_m", WaitContext.Sleep));
            watched.OneByOne(
                () =>
                {
                    s.DownWrite();
                    if (downgrade)
                        s.DowngradeWrite();
                    s.AssertHeld();
                    if (downgrade)
                        AssertNotWritten(s);
                    else
                        s.AssertHeldWrite();
                    other.Lock();
                    other.Unlock();
                    if (downgrade)
                        s.UpRead();
                    else
                        s.UpWrite();
                    Check.AssertNoneHeld();
                });
            watched.AssertClean();
            var edge = Assert.Single(watched.Validator.Graph.Edges);
            Assert.Equal(downgrade ? DependencyKinds.SharedToNonRecursive : DependencyKinds.ExclusiveToNonRecursive, edge.Kinds);
            _ = map;
        }

        static void AssertNotWritten(RwSemaphore s) => Assert.Throws<LockAssertionException>(s.AssertHeldWrite);
    }

    private static void Nested(Any outer, Mode outerMode, Any inner, Mode innerMode) =>
        outer.With(outerMode, () => inner.With(innerMode, () => { }));

    /// <summary>One class that can be taken in each mode: as the semaphore it is, or as a shared pseudo-lock.</summary>
    private sealed class Any
    {
        private readonly RwSemaphore _semaphore;
        private readonly LockMap _map;

        internal Any(string name)
        {
            var lockClass = new LockClass($"any_{name}", WaitContext.Sleep);
            _semaphore = new RwSemaphore(lockClass);
            _map = new LockMap(lockClass);
        }

        internal void With(Mode mode, Action inside)
        {
            switch (mode)
            {
                case Mode.Write:
                    _semaphore.DownWrite();
                    inside();
                    _semaphore.UpWrite();
                    break;
                case Mode.QueueingRead:
                    _semaphore.DownRead();
                    inside();
                    _semaphore.UpRead();
                    break;
                default:
                    _map.Enter();
                    inside();
                    _map.Leave();
                    break;
            }
        }
    }
}
