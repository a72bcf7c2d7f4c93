using System.Diagnostics;
using System.Threading;

namespace Warren.Bench.Harness;

/// <summary>Runs one action on several threads that start together.</summary>
internal static class Parallelism
{
    /// <summary>
    /// Calls <paramref name="action"/> so many times while as many threads repeat <paramref name="busy"/>, each of which does it once more
    /// before each call.
    /// </summary>
    public static void WhileBusy(int threads, Action<int> busy, int times, Action<int> action)
    {
        var stop = false;
        Exception? failure = null;
        var passes = new int[threads];
        var workers = Enumerable.Range(0, threads).Select(i => new Thread(() =>
        {
            try
            {
                for (; !Volatile.Read(ref stop); Interlocked.Increment(ref passes[i])) busy(i);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        })).ToArray();
        foreach (var w in workers) w.Start();
        var seen = new int[threads];
        for (var n = 0; n < times && failure is null; n++)
        {
            for (var i = 0; i < threads; i++)
            {
                while (Volatile.Read(ref passes[i]) == seen[i] && Volatile.Read(ref failure) is null) Thread.Sleep(0);
                seen[i] = Volatile.Read(ref passes[i]);
            }
            action(n);
        }
        Volatile.Write(ref stop, true);
        foreach (var w in workers) w.Join();
        if (failure is not null) throw new InvalidOperationException(failure.Message, failure);
    }

    /// <summary>Nanoseconds from the release of <paramref name="threads"/> threads until the last has run its action.</summary>
    public static double TimeNs(int threads, Action<int> action)
    {
        using var barrier = new Barrier(threads + 1);
        Exception? failure = null;
        var workers = Enumerable.Range(0, threads).Select(i => new Thread(() =>
        {
            barrier.SignalAndWait();
            try { action(i); }
            catch (Exception e) { Interlocked.CompareExchange(ref failure, e, null); }
        })).ToArray();
        foreach (var w in workers) w.Start();
        barrier.SignalAndWait();
        var start = Stopwatch.GetTimestamp();
        foreach (var w in workers) w.Join();
        var elapsed = Sampler.ElapsedNs(start);
        return failure is null ? elapsed : throw new InvalidOperationException(failure.Message, failure);
    }
}
