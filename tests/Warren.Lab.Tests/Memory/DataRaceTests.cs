using Warren.Locking;

namespace Warren.Lab.Tests.Memory;

/// <summary>Each way of ordering two accesses is known, and leaving it out is found.</summary>
public sealed class DataRaceTests
{
    private static readonly LockClass Spin = new("test_spin", WaitContext.Spin);
    private static readonly LockClass Sleep = new("test_sleep", WaitContext.Sleep);
    private static readonly LockClass Free = new("test_free", WaitContext.Free);

    private sealed class Box
    {
        internal long Value;
        internal int Flag;
        internal object? Node;

        internal void Add(long more) => Shared.Write(ref Value, Shared.Read(ref Value, this) + more, this);

        internal long Get() => Shared.Read(ref Value, this);
    }

    [Fact]
    public void Two_writers_without_a_lock_race_and_the_report_names_field_threads_and_lines()
    {
        var verdict = Explored.Found(VerdictKind.DataRace, s =>
        {
            var box = new Box();
            s.Thread("left", () => box.Add(1));
            s.Thread("right", () => box.Add(2));
        });
        Assert.Contains("Box#1.Value", verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains("left", verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains("right", verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains("DataRaceTests.cs", verdict.Details, StringComparison.Ordinal);
    }

    [Fact]
    public void A_race_is_found_in_any_schedule_even_if_the_accesses_lie_far_apart()
    {
        // One schedule: the accesses need not be neighbours, it is enough that nothing orders them.
        var build = (Schedule s) =>
        {
            var (box, other) = (new Box(), new Box());
            s.Thread("left", () => box.Add(1));
            s.Thread("right", () =>
            {
                for (var i = 0; i < 20; i++)
                    Atomics.Increment(ref other.Flag, other);
                box.Add(1);
            });
        };
        Assert.Equal(VerdictKind.DataRace, Explored.Failure(build, schedules: 1)?.Verdict?.Kind);
    }

    [Fact]
    public void A_mutex_or_a_spinning_lock_orders()
    {
        Explored.Clean(s =>
        {
            var (mutex, spin, box, other) = (new Mutex(Sleep), new SpinLock(Spin), new Box(), new Box());
            for (var i = 0; i < 3; i++)
            {
                s.Thread($"t{i}", () =>
                {
                    mutex.Lock();
                    box.Add(1);
                    mutex.Unlock();
                    spin.Lock();
                    other.Add(1);
                    spin.Unlock();
                });
            }

            s.AtEnd("sums", () => box.Value == 3 && other.Value == 3 ? null : "an update was lost");
        });
    }

    [Fact]
    public void Two_different_locks_do_not_order() => Explored.Found(VerdictKind.DataRace, s =>
    {
        var (a, b, box) = (new Mutex(Sleep), new Mutex(Sleep), new Box());
        s.Thread("left", () => Locked(a, box));
        s.Thread("right", () => Locked(b, box));
    });

    [Fact]
    public void A_write_with_the_lock_held_for_read_races_with_readers()
    {
        Explored.Found(VerdictKind.DataRace, s =>
        {
            var (rw, box) = (new RwLock(Spin), new Box());
            s.Thread("reader", () => Read(rw, box));
            s.Thread("writer", () =>
            {
                rw.ReadLock();
                box.Add(1);
                rw.ReadUnlock();
            });
        });
        Explored.Clean(s =>
        {
            var (rw, box) = (new RwLock(Spin), new Box());
            s.Thread("reader", () => Read(rw, box));
            s.Thread("reader 2", () => Read(rw, box));
            s.Thread("writer", () =>
            {
                rw.WriteLock();
                box.Add(1);
                rw.WriteUnlock();
            });
        });
    }

    [Fact]
    public void After_a_downgrade_readers_are_let_in_and_writing_goes_on_only_at_the_price_of_a_race()
    {
        Action<Schedule> Build(bool writesAfter) => s =>
        {
            var (sem, box) = (new RwSemaphore(Sleep), new Box());
            s.Thread("writer", () =>
            {
                sem.DownWrite();
                box.Add(1);
                sem.DowngradeWrite();
                if (writesAfter)
                    box.Add(1);
                else
                    box.Get();
                sem.UpRead();
            });
            s.Thread("reader", () =>
            {
                sem.DownRead();
                box.Get();
                sem.UpRead();
            });
        };
        Explored.Clean(Build(writesAfter: false));
        Explored.Found(VerdictKind.DataRace, Build(writesAfter: true));
    }

    [Fact]
    public void Publishing_by_an_atomic_write_orders_what_was_written_before_and_not_after()
    {
        Action<Schedule> Build(bool late) => s =>
        {
            var (box, data) = (new Box(), new Box());
            s.Thread("publisher", () =>
            {
                if (!late)
                    data.Add(7);
                Atomics.Write(ref box.Node, data, box);
                if (late)
                    data.Add(7);
            });
            s.Thread("reader", () => (Atomics.Read(ref box.Node, box) as Box)?.Get());
        };
        Explored.Clean(Build(late: false));
        Explored.Found(VerdictKind.DataRace, Build(late: true));
    }

    [Fact]
    public void Atomic_accesses_never_race_among_themselves_but_with_plain_ones_they_do()
    {
        Explored.Clean(s =>
        {
            var box = new Box();
            s.Thread("left", () => Atomics.Write(ref box.Flag, 1, box));
            s.Thread("right", () => Atomics.Write(ref box.Flag, 2, box));
            s.Thread("adds", () => Atomics.Add(ref box.Flag, 2, box));
        });
        Explored.Found(VerdictKind.DataRace, s =>
        {
            var box = new Box();
            s.Thread("left", () => Atomics.Write(ref box.Flag, 1, box));
            s.Thread("right", () => Shared.Read(ref box.Flag, box));
        });
    }

    [Fact]
    public void A_fence_alone_is_no_publication() => Explored.Found(VerdictKind.DataRace, s =>
    {
        var box = new Box();
        s.Thread("writer", () =>
        {
            box.Add(1);
            Atomics.Fence();
        });
        s.Thread("reader", () =>
        {
            Atomics.Fence();
            box.Get();
        });
    });

    [Fact]
    public void A_grace_period_orders_readers_before_what_follows_it()
    {
        Action<Schedule> Build(bool waits) => s =>
        {
            var (srcu, root, old) = (new Srcu(Free), new Box(), new Box());
            root.Node = old;
            s.Thread("reader", () =>
            {
                var idx = srcu.ReadLock();
                (Atomics.Read(ref root.Node, root) as Box)?.Get();
                srcu.ReadUnlock(idx);
            });
            s.Thread("updater", () =>
            {
                Atomics.Write(ref root.Node, null, root);
                if (waits)
                    srcu.Synchronize();
                old.Add(1);
            });
        };
        Explored.Clean(Build(waits: true));
        Explored.Found(VerdictKind.DataRace, Build(waits: false));
    }

    [Fact]
    public void A_wake_up_orders_what_was_before_it()
    {
        Action<Schedule> Build(bool plainCondition) => s =>
        {
            var (wait, box) = (new RcuWait(Sleep), new Box());
            s.Thread("waiter", () =>
            {
                wait.Prepare();
                while (plainCondition ? Shared.Read(ref box.Flag, box) == 0 : Atomics.Read(ref box.Flag, box) == 0)
                    wait.Wait();
                wait.Finish();
                box.Get();
            });
            s.Thread("waker", () =>
            {
                box.Add(1);
                if (plainCondition)
                    Shared.Write(ref box.Flag, 1, box);
                else
                    Atomics.Write(ref box.Flag, 1, box);
                wait.WakeUp();
            });
        };
        Explored.Clean(Build(plainCondition: false));
        Explored.Found(VerdictKind.DataRace, Build(plainCondition: true));
    }

    private static void Locked(Mutex mutex, Box box)
    {
        mutex.Lock();
        box.Add(1);
        mutex.Unlock();
    }

    private static void Read(RwLock rw, Box box)
    {
        rw.ReadLock();
        box.Get();
        rw.ReadUnlock();
    }
}
