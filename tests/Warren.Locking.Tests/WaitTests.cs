using System.Threading;

namespace Warren.Locking.Tests;

public sealed class WaitTests
{
    private static readonly LockClass Wait = new("test_wait", WaitContext.Sleep);
    private static readonly LockClass Spin = new("test_wait_lock", WaitContext.Spin);

    [Fact]
    public void No_wake_up_is_lost()
    {
        var wait = new RcuWait(Wait);
        const int rounds = 20_000;
        var posted = 0;
        var taken = 0;
        Threads.Run(
            () =>
            {
                for (var i = 1; i <= rounds; i++)
                {
                    wait.Prepare();
                    while (Volatile.Read(ref posted) < i)
                        wait.Wait();
                    wait.Finish();
                    Volatile.Write(ref taken, i);
                }
            },
            () =>
            {
                for (var i = 1; i <= rounds; i++)
                {
                    Volatile.Write(ref posted, i);
                    wait.WakeUp();
                    var spin = default(SpinState);
                    while (Volatile.Read(ref taken) < i)
                        Cpu.Relax(ref spin);
                }
            });
        Assert.False(wait.HasWaiter);
    }

    [Fact]
    public void The_gate_idiom_works_under_a_spinning_lock()
    {
        // As the memslot updater uses it: wait for a count to be zero, several threads raising and dropping it.
        var wait = new RcuWait(Wait);
        var gate = new SpinLock(Spin);
        var active = 0;
        var stop = 0;
        void Raise()
        {
            while (Volatile.Read(ref stop) == 0)
            {
                gate.Lock();
                active++;
                gate.Unlock();
                Thread.SpinWait(50);
                gate.Lock();
                var now = --active;
                gate.Unlock();
                if (now == 0)
                    wait.WakeUp();
                Thread.Yield();
            }
        }

        Threads.Run(Raise, Raise, () =>
        {
            for (var i = 0; i < 2000; i++)
            {
                gate.Lock();
                wait.Prepare();
                while (active != 0)
                {
                    gate.Unlock();
                    wait.Wait();
                    gate.Lock();
                }

                wait.Finish();
                Assert.Equal(0, active);
                gate.Unlock();
            }

            Volatile.Write(ref stop, 1);
        });
    }

    [Fact]
    public void A_second_waiter_and_a_missing_one_are_noticed()
    {
        var wait = new RcuWait(Wait);
        Assert.False(wait.WakeUp());
        wait.Prepare();
        Assert.Throws<LockAssertionException>(wait.Prepare);
        Assert.True(wait.WakeUp());
        wait.Wait();
        wait.Finish();
        Assert.False(wait.WakeUp());
    }

    [Fact]
    public void Sequence_readers_never_accept_torn_data()
    {
        var sequence = new SequenceCount(Wait);
        long a = 0, b = 0;
        var stop = 0;
        Threads.Run(
            () =>
            {
                for (var i = 1; i < 200_000; i++)
                {
                    sequence.WriteBegin();
                    Volatile.Write(ref a, i);
                    Volatile.Write(ref b, -i);
                    sequence.WriteEnd();
                    if ((i & 1023) == 0)
                        Thread.Yield();
                }

                Volatile.Write(ref stop, 1);
            },
            () =>
            {
                while (Volatile.Read(ref stop) == 0)
                {
                    uint s;
                    long x, y;
                    do
                    {
                        s = sequence.ReadBegin();
                        x = Volatile.Read(ref a);
                        y = Volatile.Read(ref b);
                    }
                    while (sequence.ReadRetry(s));
                    Assert.Equal(0, x + y);
                }
            });
    }

    [Fact]
    public void Atomics_work_on_every_width_and_on_references()
    {
        byte b = 1;
        ushort s = 2;
        var i = 3;
        var l = 4UL;
        nint n = 5;
        object? o = "x";
        Atomics.Write(ref b, (byte)200);
        Atomics.Write(ref s, (ushort)60_000);
        Atomics.Write(ref n, -7);
        Atomics.Write(ref o, "y");
        Assert.Equal(200, Atomics.Read(ref b));
        Assert.Equal(60_000, Atomics.Read(ref s));
        Assert.Equal(-7, Atomics.Read(ref n));
        Assert.Equal("y", Atomics.Read(ref o));
        Assert.Equal(3, Atomics.CompareExchange(ref i, 9, 3));
        Assert.Equal(9, Atomics.CompareExchange(ref i, 1, 3));
        Assert.Equal(9, Atomics.Exchange(ref i, 10));
        Assert.Equal(15, Atomics.Add(ref i, 5));
        Assert.Equal(14, Atomics.Decrement(ref i));
        Assert.Equal(4UL, Atomics.Or(ref l, 3));
        Assert.Equal(7UL, Atomics.And(ref l, 5));
        Assert.Equal(4UL, Atomics.Decrement(ref l));
        Assert.Equal("y", Atomics.CompareExchange(ref o, "z", "y"));
        Assert.Throws<NotSupportedException>(() =>
        {
            var wide = default(Int128);
            Atomics.Read(ref wide);
        });
        Atomics.Fence();
    }
}
