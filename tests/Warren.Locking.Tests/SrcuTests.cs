using System.Threading;

namespace Warren.Locking.Tests;

public sealed class SrcuTests
{
    private static readonly LockClass Class = new("test_srcu", WaitContext.Free);

    private sealed class Item
    {
        internal int Reclaimed;
    }

    [Fact]
    public void Readers_never_see_a_reclaimed_object()
    {
        var srcu = new Srcu(Class);
        var current = new Item();
        var stop = 0;
        long reads = 0;
        void Read()
        {
            while (Volatile.Read(ref stop) == 0)
            {
                var idx = srcu.ReadLock();
                var item = Volatile.Read(ref current);
                Assert.Equal(0, Volatile.Read(ref item.Reclaimed));
                if ((Interlocked.Increment(ref reads) & 15) == 0)
                    Thread.Yield();
                var nested = srcu.ReadLock();
                Assert.Equal(0, Volatile.Read(ref item.Reclaimed));
                srcu.ReadUnlock(nested);
                Assert.Equal(0, Volatile.Read(ref item.Reclaimed));
                srcu.ReadUnlock(idx);
            }
        }

        void Update(int rounds, bool expedited)
        {
            for (var i = 0; i < rounds; i++)
            {
                var old = Interlocked.Exchange(ref current, new Item());
                if (expedited)
                    srcu.SynchronizeExpedited();
                else
                    srcu.Synchronize();
                Volatile.Write(ref old.Reclaimed, 1);
            }
        }

        Threads.Run(Read, Read, Read, () =>
        {
            Threads.Run(() => Update(400, true), () => Update(200, false));
            Volatile.Write(ref stop, 1);
        });
        Assert.True(Volatile.Read(ref reads) > 0);
    }

    [Fact]
    public void Synchronize_waits_for_readers_before_it_and_not_for_those_after()
    {
        foreach (var expedited in new[] { false, true })
        {
            var srcu = new Srcu(Class);
            var old = srcu.ReadLock();
            var done = 0;
            var updater = new Thread(() =>
            {
                if (expedited)
                    srcu.SynchronizeExpedited();
                else
                    srcu.Synchronize();
                Volatile.Write(ref done, 1);
            });
            updater.Start();
            // Once readers get the other index, the updater has made its flip: these are readers after it.
            int late;
            while ((late = srcu.ReadLock()) == old)
            {
                srcu.ReadUnlock(late);
                Thread.Yield();
            }

            Assert.Equal(0, Volatile.Read(ref done));
            var nested = srcu.ReadLock();
            srcu.ReadUnlock(nested);
            Assert.Equal(0, Volatile.Read(ref done));
            srcu.ReadUnlock(old);
            Assert.True(updater.Join(Threads.Never), "a reader that came later must not hold the grace period up");
            srcu.ReadUnlock(late);
            srcu.SynchronizeExpedited();
        }
    }

    [Fact]
    public void A_section_may_end_on_another_thread()
    {
        // The validator accounts for sections by thread, as the kernel's does.
        using var watched = new Validation.Watched();
        var srcu = new Srcu(Class);
        for (var i = 0; i < 100; i++)
        {
            var idx = srcu.ReadLock();
            Threads.Run(() =>
            {
                using var entry = watched.Enter();
                srcu.ReadUnlock(idx);
            });
            srcu.SynchronizeExpedited();
        }
    }

    [Fact]
    public void Concurrent_updaters_share_grace_periods_and_all_return()
    {
        var srcu = new Srcu(Class);
        Threads.Run(4, _ =>
        {
            for (var i = 0; i < 2000; i++)
                srcu.SynchronizeExpedited();
        });
        Assert.InRange(srcu.GracePeriods, 1, 8000);
    }

    [Fact]
    public void Callbacks_run_in_order_off_the_thread_after_a_grace_period()
    {
        var srcu = new Srcu(Class);
        var ran = new List<int>();
        var caller = Environment.CurrentManagedThreadId;
        var own = 0;
        var idx = srcu.ReadLock();
        for (var i = 0; i < 50; i++)
        {
            srcu.Call(state =>
            {
                if (Environment.CurrentManagedThreadId == caller)
                    Volatile.Write(ref own, 1);
                lock (ran)
                    ran.Add((int)state!);
            }, i);
        }

        Thread.Yield();
        lock (ran)
            Assert.Empty(ran);
        srcu.ReadUnlock(idx);
        srcu.Barrier();
        Assert.Equal(Enumerable.Range(0, 50), ran);
        Assert.Equal(0, own);
        srcu.Barrier();
    }

    [Fact]
    public void Barrier_covers_everything_queued_before_it_under_load()
    {
        var srcu = new Srcu(Class);
        Threads.Run(3, _ =>
        {
            for (var i = 0; i < 100; i++)
            {
                var done = 0;
                srcu.Call(_ => Volatile.Write(ref done, 1), null);
                srcu.Barrier();
                Assert.Equal(1, Volatile.Read(ref done));
            }
        });
    }
}
