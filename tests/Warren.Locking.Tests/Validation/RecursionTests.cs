using static Warren.Locking.Tests.Validation.Locks;

namespace Warren.Locking.Tests.Validation;

/// <summary>One lock taken again by its holder, and a grace period within what it waits for. Each both ways.</summary>
public sealed class RecursionTests
{
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
}
