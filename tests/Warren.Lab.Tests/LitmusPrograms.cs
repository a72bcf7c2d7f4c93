using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>Small programs whose final outcomes tell the orders of their steps apart.</summary>
internal static class LitmusPrograms
{
    private static readonly LockClass Sleeping = new("litmus_sleep", WaitContext.Sleep);
    private static readonly LockClass Other = new("litmus_other", WaitContext.Sleep);
    private static readonly LockClass Spinning = new("litmus_spin", WaitContext.Spin);
    private static readonly LockClass Readers = new("litmus_srcu", WaitContext.Free);
    private static readonly LockClass Sleep = new("litmus_wait", WaitContext.Sleep);
    private static readonly LockClass Sequence = new("litmus_seq", WaitContext.Spin);

    /// <summary>Two shared words, one word that locks protect, and what each thread noted.</summary>
    internal sealed class State
    {
        internal int X;
        internal int Y;
        internal int Z;
        internal readonly int[] R = new int[8];

        internal void Read(int register, ref int location) => R[register] = Atomics.Read(ref location, this);

        internal void Write(ref int location, int value) => Atomics.Write(ref location, value, this);

        public override string ToString() => $"x={X} y={Y} z={Z} {string.Join(',', R)}";
    }

    internal static IReadOnlyDictionary<string, Action<Schedule, State>> All { get; } = new Dictionary<string, Action<Schedule, State>>
    {
        ["store-buffering"] = static (s, m) =>
        {
            s.Thread("a", () => { m.Write(ref m.X, 1); m.Read(0, ref m.Y); });
            s.Thread("b", () => { m.Write(ref m.Y, 1); m.Read(1, ref m.X); });
        },
        ["message-passing"] = static (s, m) =>
        {
            s.Thread("a", () => { m.Write(ref m.X, 1); m.Write(ref m.Y, 1); });
            s.Thread("b", () => { m.Read(0, ref m.Y); m.Read(1, ref m.X); });
        },
        ["independent-reads"] = static (s, m) =>
        {
            s.Thread("a", () => m.Write(ref m.X, 1));
            s.Thread("b", () => m.Write(ref m.Y, 1));
            s.Thread("c", () => { m.Read(0, ref m.X); m.Read(1, ref m.Y); });
        },
        ["independent-writes"] = static (s, m) =>
        {
            s.Thread("a", () => { m.Write(ref m.X, 1); m.Write(ref m.X, 2); m.Write(ref m.X, 3); });
            s.Thread("b", () => { m.Write(ref m.Y, 1); m.Write(ref m.Y, 2); m.Write(ref m.Y, 3); });
        },
        ["coherence"] = static (s, m) =>
        {
            s.Thread("a", () => { m.Write(ref m.X, 1); m.Write(ref m.X, 2); });
            s.Thread("b", () => { m.Read(0, ref m.X); m.Read(1, ref m.X); m.Read(2, ref m.X); });
        },
        ["lost-update"] = static (s, m) =>
        {
            for (var i = 0; i < 3; i++)
                s.Thread($"t{i}", () => m.Write(ref m.X, Atomics.Read(ref m.X, m) + 1));
        },
        ["compare-exchange"] = static (s, m) =>
        {
            s.Thread("a", () => m.R[0] = Atomics.CompareExchange(ref m.X, 1, 0, m));
            s.Thread("b", () => m.R[1] = Atomics.CompareExchange(ref m.X, 2, 0, m));
            s.Thread("c", () => m.R[2] = Atomics.CompareExchange(ref m.X, 3, 1, m));
        },
        ["compare-exchange-loop"] = static (s, m) =>
        {
            for (var i = 1; i <= 2; i++)
            {
                var add = i;
                s.Thread($"t{i}", () =>
                {
                    var seen = Atomics.Read(ref m.X, m);
                    for (int found; (found = Atomics.CompareExchange(ref m.X, (seen * 3) + add, seen, m)) != seen; seen = found)
                        m.R[add]++;
                });
            }
        },
        ["mutex-order"] = static (s, m) =>
        {
            var a = new Mutex(Sleeping);
            for (var i = 1; i <= 3; i++)
            {
                var digit = i;
                s.Thread($"t{i}", () => { a.Lock(); m.Z = (m.Z * 10) + digit; a.Unlock(); });
            }
        },
        ["two-mutexes"] = static (s, m) =>
        {
            var (a, b) = (new Mutex(Sleeping), new Mutex(Other));
            s.Thread("t1", () => { a.Lock(); m.Write(ref m.X, 1); a.Unlock(); b.Lock(); m.Read(0, ref m.Y); b.Unlock(); });
            s.Thread("t2", () => { b.Lock(); m.Write(ref m.Y, 1); b.Unlock(); a.Lock(); m.Read(1, ref m.X); a.Unlock(); });
        },
        ["spin-try"] = static (s, m) =>
        {
            var a = new SpinLock(Spinning);
            s.Thread("t1", () => { a.Lock(); m.Write(ref m.X, 1); m.Write(ref m.X, 2); a.Unlock(); });
            s.Thread("t2", () =>
            {
                m.R[0] = a.TryLock() ? 1 : 2;
                m.Read(1, ref m.X);
                if (m.R[0] == 1)
                    a.Unlock();
            });
        },
        ["rwlock"] = static (s, m) =>
        {
            var a = new RwLock(Spinning);
            s.Thread("w", () => { a.WriteLock(); m.Z++; a.WriteUnlock(); a.WriteLock(); m.Z++; a.WriteUnlock(); });
            s.Thread("r1", () => { a.ReadLock(); m.R[0] = m.Z; a.ReadUnlock(); });
            s.Thread("r2", () => { a.ReadLock(); m.R[1] = m.Z; a.ReadUnlock(); });
        },
        ["rwlock-contended"] = static (s, m) =>
        {
            var a = new RwLock(Spinning);
            s.Thread("w", () => { a.WriteLock(); m.R[0] = a.IsContended ? 1 : 2; m.R[1] = a.IsContended ? 1 : 2; a.WriteUnlock(); });
            s.Thread("r", () => { a.ReadLock(); a.ReadUnlock(); });
        },
        ["rwsem-queue"] = static (s, m) =>
        {
            var a = new RwSemaphore(Sleeping);
            s.Thread("r1", () => { a.DownRead(); m.R[0] = m.Z; m.Read(1, ref m.X); a.UpRead(); });
            s.Thread("w", () => { a.DownWrite(); m.Z = 1; m.Write(ref m.X, 1); a.UpWrite(); });
            s.Thread("r2", () => { a.DownRead(); m.R[2] = m.Z; a.UpRead(); m.Write(ref m.Y, 1); });
        },
        ["srcu-grace"] = static (s, m) =>
        {
            var srcu = new Srcu(Readers);
            s.Thread("reader", () => { var i = srcu.ReadLock(); m.Read(0, ref m.X); m.Read(1, ref m.Y); srcu.ReadUnlock(i); });
            s.Thread("updater", () => { m.Write(ref m.X, 1); srcu.Synchronize(); m.Write(ref m.Y, 1); });
        },
        ["rcuwait"] = static (s, m) =>
        {
            var wait = new RcuWait(Sleep);
            s.Thread("sleeper", () =>
            {
                wait.Prepare();
                while (Atomics.Read(ref m.X, m) == 0)
                {
                    m.R[0]++;
                    wait.Wait();
                }

                wait.Finish();
                m.Read(1, ref m.Y);
            });
            s.Thread("waker", () => { m.Write(ref m.X, 1); m.R[2] = wait.WakeUp() ? 1 : 2; m.Write(ref m.Y, 1); });
        },
        ["srcu-two-readers"] = static (s, m) =>
        {
            var srcu = new Srcu(Readers);
            for (var i = 0; i < 2; i++)
            {
                var register = i;
                s.Thread($"reader {i}", () => { var index = srcu.ReadLock(); m.Read(register, ref m.X); srcu.ReadUnlock(index); });
            }

            s.Thread("updater", () => { m.Write(ref m.X, 1); srcu.Synchronize(); m.Write(ref m.Y, 1); });
        },
        ["srcu-callback"] = static (s, m) =>
        {
            var srcu = new Srcu(Readers);
            s.Thread("reader", () => { var i = srcu.ReadLock(); m.Read(0, ref m.Y); srcu.ReadUnlock(i); });
            s.Thread("updater", () => { m.Write(ref m.X, 1); srcu.Call(_ => m.Write(ref m.Y, 1), null); m.Read(1, ref m.Y); });
        },
        ["rcuwait-two-wakers"] = static (s, m) =>
        {
            var wait = new RcuWait(Sleep);
            s.Thread("sleeper", () =>
            {
                wait.Prepare();
                while (Atomics.Read(ref m.X, m) != 2)
                {
                    m.R[0]++;
                    wait.Wait();
                }

                wait.Finish();
            });
            for (var i = 0; i < 2; i++)
                s.Thread($"waker {i}", () => { Atomics.Increment(ref m.X, m); wait.WakeUp(); });
        },
        ["sequence-count"] = static (s, m) =>
        {
            var count = new SequenceCount(Sequence);
            s.Thread("writer", () => { count.WriteBegin(); m.Write(ref m.X, 1); m.Write(ref m.Y, 1); count.WriteEnd(); });
            s.Thread("reader", () =>
            {
                uint sequence;
                do
                {
                    sequence = count.ReadBegin();
                    m.Read(0, ref m.X);
                    m.Read(1, ref m.Y);
                    m.R[2]++;
                }
                while (count.ReadRetry(sequence));
            });
        },
        ["await"] = static (s, m) =>
        {
            s.Thread("waiter", () =>
            {
                var spin = default(SpinState);
                while (Atomics.Read(ref m.X, m) == 0)
                    Cpu.Relax(ref spin);
                m.Read(0, ref m.Y);
            });
            s.Thread("one", () => { m.Write(ref m.X, 1); m.Write(ref m.Y, 1); });
            s.Thread("two", () => m.Write(ref m.X, 2));
        },
        ["choice"] = static (s, m) =>
        {
            s.Thread("a", () => m.Write(ref m.X, s.Choose("fails") ? 1 : 2));
            s.Thread("b", () => { m.Read(0, ref m.X); if (m.R[0] == 2) m.R[1] = s.Choose("which", 3); });
        },
    };
}
