using System.Runtime.InteropServices;
using System.Threading;

namespace Warren.Lab;

/// <summary>
/// The right to run, passed from thread to thread. The waiter gives its CPU away in a loop, which on one CPU hands over in about
/// two microseconds, and sleeps only when the turn does not come for long: between explorations, or while others have much to do.
/// </summary>
internal sealed partial class Baton
{
    private readonly object _gate = new();
    private int _given;
    private int _asleep;
    private static long s_turns;

    /// <summary>When its waiter last gave the CPU away: of all who wait, the system lets those go first whose time is the lowest.</summary>
    internal long Waits { get; private set; }

    /// <summary>Full fence: what the giver did is visible to the taker.</summary>
    internal void Give()
    {
        Interlocked.Exchange(ref _given, 1);
        if (Volatile.Read(ref _asleep) == 0)
            return;
        lock (_gate)
            Monitor.Pulse(_gate);
    }

    /// <param name="yields">How often to yield before sleeping.</param>
    internal void Take(int yields)
    {
        while (Volatile.Read(ref _given) == 0)
        {
            if (yields-- > 0)
            {
                Waits = ++s_turns;
                YieldCpu();
                continue;
            }

            // Announced by a full fence before the last look: a giver that came before it is seen, one after it takes the gate and pulses.
            Interlocked.Exchange(ref _asleep, 1);
            lock (_gate)
            {
                while (Volatile.Read(ref _given) == 0)
                    Monitor.Wait(_gate);
            }

            Volatile.Write(ref _asleep, 0);
        }

        Volatile.Write(ref _given, 0);
    }

    /// <summary>The system call itself, where there is one: the runtime's way there takes longer than the hand-over may.</summary>
    private static void YieldCpu()
    {
        if (OperatingSystem.IsLinux())
            _ = SchedYield();
        else
            Thread.Yield();
    }

    [LibraryImport("libc", EntryPoint = "sched_yield")]
    private static partial int SchedYield();
}
