using System.Threading;

namespace Warren.Locking;

/// <summary>
/// Parks one thread until a word, set by its waker before <see cref="Unpark"/>, says it may go on. Wake-ups that come late,
/// for a wait that is over, only cost a turn of the loop.
/// </summary>
internal sealed class Parker
{
    private readonly object _gate = new();

    /// <summary>Waits until <paramref name="granted"/> is not 0: spins shortly, then sleeps.</summary>
    internal void Park(ref int granted)
    {
        var spin = default(SpinState);
        while (!spin.Yielding)
        {
            if (Volatile.Read(ref granted) != 0)
                return;
            Cpu.RelaxNative(ref spin);
        }

        // The waker stores the word and then takes the gate: it cannot pulse between our look and our wait.
        lock (_gate)
        {
            while (Volatile.Read(ref granted) == 0)
                Monitor.Wait(_gate);
        }
    }

    internal void Unpark()
    {
        lock (_gate)
            Monitor.Pulse(_gate);
    }
}
