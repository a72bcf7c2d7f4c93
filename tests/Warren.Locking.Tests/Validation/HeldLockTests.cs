using static Warren.Locking.Tests.Validation.Locks;

namespace Warren.Locking.Tests.Validation;

/// <summary>The held locks of a thread: leaks, releases, assertions, accounts. Each both ways.</summary>
public sealed class HeldLockTests
{
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
        Assert.StartsWith("bal_inner still held at the end of a call", watched.Single(LockReportKind.Leak).Sentence,
            StringComparison.Ordinal);

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
        var (spin, rw, sem, mutex) =
            (new SpinLock(Spin("not_spin")), new RwLock(Spin("not_rw")), new RwSemaphore(Sleep("not_sem")), new Mutex(Sleep("not_mutex")));
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
}
