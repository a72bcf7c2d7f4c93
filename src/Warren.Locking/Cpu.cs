using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>How long a spin loop has spun; start from default.</summary>
public struct SpinState
{
    internal int Rounds;

    /// <summary>True when the loop has used up its short spin and now gives its CPU away each round.</summary>
    public readonly bool Yielding => Rounds >= Cpu.SpinRounds;
}

public static class Cpu
{
    internal const int SpinRounds = 6;
    internal const int YieldRounds = 200;

    /// <summary>
    /// One round of a spin loop: a few hundred nanoseconds of pause instructions at first, then the CPU is given to whoever
    /// is runnable, then (some milliseconds in: the lock holder itself must have been preempted) a sleep of about one
    /// millisecond. On one or two cores a loop that never yields waits for a thread it keeps from running.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Relax(ref SpinState state)
    {
        if (Check.Steps && RelaxChecked())
            return;
        RelaxNative(ref state);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void RelaxNative(ref SpinState state)
    {
        var rounds = state.Rounds;
        if (rounds < SpinRounds && Environment.ProcessorCount > 1)
        {
            state.Rounds = rounds + 1;
            Thread.SpinWait(4 << rounds);
        }
        else if (rounds < YieldRounds)
        {
            state.Rounds = Math.Max(rounds, SpinRounds) + 1;
            Thread.Yield();
        }
        else
        {
            Thread.Sleep(1);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool RelaxChecked()
    {
        var step = new CheckStep(CheckOperation.Relax, LockMode.None, null, null);
        var hook = Check.Hook;
        hook.Before(step);
        var handled = hook.Wait(step);
        hook.After(step, true);
        return handled;
    }
}
