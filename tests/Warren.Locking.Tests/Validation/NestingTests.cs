using static Warren.Locking.Tests.Validation.Locks;

namespace Warren.Locking.Tests.Validation;

/// <summary>Several locks of one class: subclasses, an order of their own, a lock over all. Each both ways.</summary>
public sealed class NestingTests
{
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

    /// <summary>
    /// A try adds no order to what it takes, so what was taken by trying at a level shows in the order of what comes after it.
    /// </summary>
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
            graph.Edges.Where(e => graph.Classes[e.To].Name == "try_inner").Select(e => graph.Classes[e.From].Name)
                .Order(StringComparer.Ordinal));

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
        Assert.Equal(["try_tree/1>try_tree"],
            graph.Edges.Select(e => $"{graph.Classes[e.From].Name}>{graph.Classes[e.To].Name}")
                .Where(e => e.StartsWith("try_tree", StringComparison.Ordinal)));
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
        var (r1, r2, s1, s2, m1, m2) =
            (new RwLock(rw), new RwLock(rw), new RwSemaphore(sem), new RwSemaphore(sem), new Mutex(mutex), new Mutex(mutex));
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
        Assert.Contains("against the order that the class defines", watched.Single(LockReportKind.Nesting).Sentence,
            StringComparison.Ordinal);
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
}
