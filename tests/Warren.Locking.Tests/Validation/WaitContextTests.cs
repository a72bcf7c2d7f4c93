using static Warren.Locking.Tests.Validation.Locks;

namespace Warren.Locking.Tests.Validation;

/// <summary>How long one may wait under what. Each both ways.</summary>
public sealed class WaitContextTests
{
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
}
