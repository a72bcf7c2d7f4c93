using System.Threading;
using Warren.Locking.Tests.Validation;

namespace Warren.Locking.Tests;

public sealed class LockTests
{
    private static readonly LockClass Spin = new("test_spin", WaitContext.Spin);
    private static readonly LockClass Sleep = new("test_sleep", WaitContext.Sleep);

    private const int Threads_ = 4;
    private const int Rounds = 30_000;

    private sealed class Counter
    {
        internal long First;
        internal long Second;

        internal void Bump()
        {
            First++;
            if ((First & 255) == 0)
                Thread.Yield();
            Second++;
        }

        internal void Verify() => Assert.Equal(First, Second);
    }

    [Fact]
    public void SpinLock_excludes()
    {
        var counter = new Counter();
        var spin = new SpinLock(Spin);
        Threads.Run(Threads_, _ =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                if ((i & 3) != 0 || !spin.TryLock())
                    spin.Lock();
                counter.Verify();
                counter.Bump();
                spin.Unlock();
            }
        });
        Assert.Equal(Threads_ * Rounds, counter.First);
        Assert.False(spin.IsLocked);
    }

    [Fact]
    public void Mutex_excludes()
    {
        var counter = new Counter();
        var mutex = new Mutex(Sleep);
        Threads.Run(Threads_, _ =>
        {
            for (var i = 0; i < Rounds / 3; i++)
            {
                if ((i & 3) != 0 || !mutex.TryLock())
                    mutex.Lock();
                counter.Verify();
                counter.Bump();
                mutex.Unlock();
            }
        });
        Assert.Equal(Threads_ * (Rounds / 3), counter.First);
        Assert.False(mutex.IsLocked);
    }

    [Fact]
    public void RwLock_excludes_writers_from_everyone()
    {
        var counter = new Counter();
        var rw = new RwLock(Spin);
        var readersInside = 0;
        Threads.Run(Threads_, t =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                if ((i + t) % 4 == 0)
                {
                    rw.WriteLock();
                    Assert.Equal(0, Volatile.Read(ref readersInside));
                    counter.Bump();
                    rw.WriteUnlock();
                }
                else
                {
                    rw.ReadLock();
                    Interlocked.Increment(ref readersInside);
                    counter.Verify();
                    Interlocked.Decrement(ref readersInside);
                    rw.ReadUnlock();
                }
            }
        });
        Assert.Equal(Threads_ * Rounds / 4, counter.First);
        Assert.False(rw.IsContended);
        Assert.True(rw.TryWriteLock());
        rw.WriteUnlock();
    }

    [Fact]
    public void RwSemaphore_excludes_writers_from_everyone_through_downgrades()
    {
        var counter = new Counter();
        var sem = new RwSemaphore(Sleep);
        var readersInside = 0;
        Threads.Run(Threads_, t =>
        {
            for (var i = 0; i < Rounds / 3; i++)
            {
                switch ((i + t) % 4)
                {
                    case 0:
                        sem.DownWrite();
                        Assert.Equal(0, Volatile.Read(ref readersInside));
                        counter.Bump();
                        sem.UpWrite();
                        break;
                    case 1:
                        sem.DownWrite();
                        Assert.Equal(0, Volatile.Read(ref readersInside));
                        counter.Bump();
                        var mine = counter.First;
                        sem.DowngradeWrite();
                        // Still a reader: no writer may have come in between.
                        Assert.Equal(mine, counter.First);
                        sem.UpRead();
                        break;
                    default:
                        sem.DownRead();
                        Interlocked.Increment(ref readersInside);
                        counter.Verify();
                        Interlocked.Decrement(ref readersInside);
                        sem.UpRead();
                        break;
                }
            }
        });
        Assert.Equal(Threads_ * (Rounds / 3) / 2, counter.First);
        Assert.False(sem.IsLocked);
        Assert.False(sem.IsContended);
    }

    [Fact]
    public void RwSemaphore_serves_first_come_first_served()
    {
        var sem = new RwSemaphore(Sleep);
        var order = new List<string>();
        sem.DownRead();
        var writer = new Thread(() =>
        {
            sem.DownWrite();
            order.Add("writer");
            sem.UpWrite();
        });
        writer.Start();
        Threads.Until(() => sem.IsContended, "the writer queues");
        Assert.False(sem.TryDownRead(), "a queued writer holds new readers back");
        var reader = new Thread(() =>
        {
            sem.DownRead();
            lock (order)
                order.Add("reader");
            sem.UpRead();
        });
        reader.Start();
        // The reader can only ever enter after the writer, whenever it queues.
        Thread.Yield();
        sem.UpRead();
        Assert.True(writer.Join(Threads.Never));
        Assert.True(reader.Join(Threads.Never));
        Assert.Equal(["writer", "reader"], order);
    }

    [Fact]
    public void A_writer_gets_through_readers_that_never_pause()
    {
        // Each reader enters before the other leaves, so the lock is never free of readers by itself.
        foreach (var sleeping in new[] { false, true })
        {
            var rw = new RwLock(Spin);
            var sem = new RwSemaphore(Sleep);
            var stop = 0;
            long laps = 0;
            void Read()
            {
                while (Volatile.Read(ref stop) == 0)
                {
                    if (sleeping)
                        sem.DownRead();
                    else
                        rw.ReadLock();
                    var lap = Interlocked.Increment(ref laps);
                    for (var i = 0; i < 100 && Volatile.Read(ref laps) == lap && Volatile.Read(ref stop) == 0; i++)
                        Thread.SpinWait(20);
                    if (sleeping)
                        sem.UpRead();
                    else
                        rw.ReadUnlock();
                }
            }

            Threads.Run(Read, Read, Read, () =>
            {
                Threads.Until(() => Volatile.Read(ref laps) > 100, "readers run");
                for (var i = 0; i < 50; i++)
                {
                    if (sleeping)
                    {
                        sem.DownWrite();
                        sem.UpWrite();
                    }
                    else
                    {
                        rw.WriteLock();
                        rw.WriteUnlock();
                    }
                }

                Volatile.Write(ref stop, 1);
            });
        }
    }

    [Fact]
    public void Readers_get_through_writers_that_never_pause()
    {
        var rw = new RwLock(Spin);
        var stop = 0;
        void Write()
        {
            while (Volatile.Read(ref stop) == 0)
            {
                rw.WriteLock();
                Thread.SpinWait(10);
                rw.WriteUnlock();
            }
        }

        Threads.Run(Write, Write, () =>
        {
            for (var i = 0; i < 50; i++)
            {
                rw.ReadLock();
                rw.ReadUnlock();
            }

            Volatile.Write(ref stop, 1);
        });
    }

    [Fact]
    public void RwLock_gives_way_to_a_waiting_writer_and_tells_holders()
    {
        var rw = new RwLock(Spin);
        rw.ReadLock();
        Assert.True(rw.TryReadLock());
        rw.ReadUnlock();
        var writer = new Thread(() =>
        {
            rw.WriteLock();
            rw.WriteUnlock();
        });
        writer.Start();
        Threads.Until(() => rw.IsContended, "the writer waits");
        Threads.Until(() => !TryAndRelease(rw), "new readers are held back");
        rw.AssertHeld();
        rw.ReadUnlock();
        Assert.True(writer.Join(Threads.Never));
        Assert.True(rw.TryReadLock());
        rw.ReadUnlock();

        static bool TryAndRelease(RwLock rw)
        {
            if (!rw.TryReadLock())
                return false;
            rw.ReadUnlock();
            return true;
        }
    }

    [Fact]
    public void Downgrade_lets_queued_readers_in_and_keeps_writers_out()
    {
        var sem = new RwSemaphore(Sleep);
        sem.DownWrite();
        using var inside = new ManualResetEventSlim();
        var entered = 0;
        var reader = new Thread(() =>
        {
            sem.DownRead();
            Volatile.Write(ref entered, 1);
            inside.Wait();
            sem.UpRead();
        });
        reader.Start();
        Threads.Until(() => sem.IsContended, "the reader queues");
        sem.DowngradeWrite();
        Threads.Until(() => Volatile.Read(ref entered) == 1, "the queued reader enters beside us");
        Assert.False(sem.TryDownWrite());
        sem.UpRead();
        Assert.False(sem.TryDownWrite());
        inside.Set();
        Assert.True(reader.Join(Threads.Never));
        Assert.True(sem.TryDownWrite());
        sem.UpWrite();
    }

    [Fact]
    public void Try_variants_fail_while_held_and_succeed_after()
    {
        var spin = new SpinLock(Spin);
        Assert.True(spin.TryLock());
        Assert.False(spin.TryLock());
        spin.AssertHeld();
        spin.Unlock();
        Assert.Throws<LockAssertionException>(spin.AssertHeld);
        var mutex = new Mutex(Sleep);
        Assert.True(mutex.TryLock());
        Assert.False(mutex.TryLock());
        mutex.AssertHeld();
        mutex.Unlock();
        Assert.Throws<LockAssertionException>(mutex.AssertHeld);
        var rw = new RwLock(Spin);
        Assert.True(rw.TryWriteLock());
        Assert.False(rw.TryReadLock());
        Assert.False(rw.TryWriteLock());
        rw.AssertHeldWrite();
        rw.WriteUnlock();
        Assert.Throws<LockAssertionException>(rw.AssertHeld);
        Assert.True(rw.TryReadLock());
        Assert.False(rw.TryWriteLock());
        Assert.Throws<LockAssertionException>(rw.AssertHeldWrite);
        rw.ReadUnlock();
        var sem = new RwSemaphore(Sleep);
        Assert.True(sem.TryDownRead());
        Assert.True(sem.TryDownRead());
        Assert.False(sem.TryDownWrite());
        sem.AssertHeld();
        sem.UpRead();
        sem.UpRead();
        Assert.Throws<LockAssertionException>(sem.AssertHeld);
    }

    [Fact]
    public void Unbalanced_releases_are_noticed()
    {
        // Wrong on purpose: the validator of the process need not hear of it.
        using var watched = new Watched();
        Assert.Throws<LockAssertionException>(() => new Mutex(Sleep).Unlock());
        Assert.Throws<LockAssertionException>(() => new RwSemaphore(Sleep).UpWrite());
        Assert.Throws<LockAssertionException>(() => new RwLock(Spin).ReadUnlock());
    }

    [Fact]
    public void Classes_are_numbered_and_know_where_they_nest()
    {
        var outer = new LockClass("test_outer", WaitContext.Sleep);
        var inner = new LockClass("test_inner", WaitContext.Spin, outer);
        inner.AlsoNestsIn(Sleep);
        Assert.Equal([outer, Sleep], inner.MayNestIn);
        Assert.Same(inner, LockClass.All[inner.Id]);
        Assert.Same(outer, LockClass.All[outer.Id]);
    }
}
