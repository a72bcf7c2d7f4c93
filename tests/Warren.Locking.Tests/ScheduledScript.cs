using System.Globalization;
using System.Text;
using System.Threading;

namespace Warren.Locking.Tests;

/// <summary>
/// A minimal controlled scheduler over the hook: of its threads one runs at a time, a seed decides at each step which, and a thread
/// that must wait is passed over until another has made a step. Shows that the interface suffices: nothing blocks natively.
/// </summary>
internal static class ScheduledScript
{
    private static readonly LockClass SpinClass = new("spin", WaitContext.Spin);
    private static readonly LockClass SleepClass = new("sleep", WaitContext.Sleep);
    private static readonly LockClass SrcuClass = new("srcu", WaitContext.Free);

    internal static void Run(int seeds)
    {
        for (var seed = 0; seed < seeds; seed++)
        {
            var scheduler = new Scheduler(seed, 3);
            Check.Install(scheduler);
            Scenario(scheduler);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seed}: {scheduler.Trace}"));
        }
    }

    private static void Scenario(Scheduler scheduler)
    {
        var spin = new SpinLock(SpinClass);
        var sem = new RwSemaphore(SleepClass);
        var srcu = new Srcu(SrcuClass);
        var wait = new RcuWait(SleepClass);
        var inside = 0;
        var value = 0;
        var posted = 0;
        var freed = 0;
        Threads.Run(
            () => scheduler.Attach(0, () =>
            {
                spin.Lock();
                Assert.Equal(1, ++inside);
                Atomics.Add(ref value, 1);
                inside--;
                spin.Unlock();
                sem.DownWrite();
                Atomics.Write(ref posted, 1);
                sem.UpWrite();
                wait.WakeUp();
                srcu.SynchronizeExpedited();
                Volatile.Write(ref freed, 1);
            }),
            () => scheduler.Attach(1, () =>
            {
                spin.Lock();
                Assert.Equal(1, ++inside);
                Atomics.Add(ref value, 1);
                inside--;
                spin.Unlock();
                wait.Prepare();
                while (Atomics.Read(ref posted) == 0)
                    wait.Wait();
                wait.Finish();
            }),
            () => scheduler.Attach(2, () =>
            {
                var idx = srcu.ReadLock();
                var before = Volatile.Read(ref freed);
                sem.DownRead();
                Atomics.Read(ref value);
                sem.UpRead();
                Assert.True(before == 1 || Volatile.Read(ref freed) == 0, "a grace period ended inside a read section");
                srcu.ReadUnlock(idx);
                var state = default(SpinState);
                while (Atomics.Read(ref posted) == 0)
                    Cpu.Relax(ref state);
            }));
        Assert.Equal(2, value);
    }

    private sealed class Scheduler(int seed, int count) : CheckHook
    {
        [ThreadStatic]
        private static int t_self;

        private readonly object _lock = new();
        private readonly Random _random = new(seed);
        private readonly bool[] _done = new bool[count];
        private readonly bool[] _waiting = new bool[count];
        private readonly int[] _seen = new int[count];
        private int _version;
        private int _attached;
        private int _turn;

        internal StringBuilder Trace { get; } = new();

        internal void Attach(int index, Action body)
        {
            t_self = index + 1;
            lock (_lock)
            {
                if (++_attached == count)
                {
                    _turn = Choose();
                    Monitor.PulseAll(_lock);
                }

                while (_attached < count || _turn != index)
                    Monitor.Wait(_lock);
            }

            try
            {
                body();
            }
            finally
            {
                lock (_lock)
                {
                    _done[index] = true;
                    Array.Clear(_waiting);
                    _turn = Choose();
                    Monitor.PulseAll(_lock);
                }

                t_self = 0;
            }
        }

        public override void Before(in CheckStep step)
        {
            if (t_self == 0)
                return;
            lock (_lock)
            {
                Trace.Append((char)('a' + t_self - 1));
                Pass();
            }
        }

        public override bool Wait(in CheckStep step)
        {
            if (t_self == 0)
                return false;
            lock (_lock)
            {
                // What it waits for may have happened since it looked: then it looks again instead.
                _waiting[t_self - 1] = _seen[t_self - 1] == _version;
                _seen[t_self - 1] = _version;
                Pass();
            }

            return true;
        }

        public override void After(in CheckStep step, bool succeeded)
        {
            if (t_self == 0 || step.Operation == CheckOperation.Relax)
                return;
            lock (_lock)
            {
                if (step.Operation == CheckOperation.AtomicRead)
                {
                    _seen[t_self - 1] = _version;
                    return;
                }

                // A step that changed something: whoever waits may try again.
                _version++;
                Array.Clear(_waiting);
            }
        }

        public override bool Offload(Action work) => false;

        private void Pass()
        {
            _turn = Choose();
            Monitor.PulseAll(_lock);
            while (_turn != t_self - 1)
                Monitor.Wait(_lock);
        }

        private int Choose()
        {
            var enabled = Enumerable.Range(0, count).Where(i => !_done[i] && !_waiting[i]).ToArray();
            if (enabled.Length > 0)
                return enabled[_random.Next(enabled.Length)];
            Assert.True(_done.All(d => d), $"deadlock after {Trace}");
            return -1;
        }
    }
}
