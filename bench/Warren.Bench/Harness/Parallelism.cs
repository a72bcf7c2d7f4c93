using System.Diagnostics;
using System.Threading;

namespace Warren.Bench.Harness;

/// <summary>Runs one action on several threads that start together.</summary>
internal static class Parallelism
{
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
