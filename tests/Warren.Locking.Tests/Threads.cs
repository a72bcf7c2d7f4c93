using System.Runtime.ExceptionServices;
using System.Threading;

namespace Warren.Locking.Tests;

internal static class Threads
{
    /// <summary>A bound on waits that only a defect exceeds; no test's verdict depends on how long anything took.</summary>
    internal static readonly TimeSpan Never = TimeSpan.FromSeconds(60);

    /// <summary>Runs the bodies at once, each on a thread, and rethrows what the first failing one threw.</summary>
    internal static void Run(params Action[] bodies)
    {
        Exception? failure = null;
        using var start = new Barrier(bodies.Length);
        var threads = bodies.Select(body => new Thread(() =>
        {
            try
            {
                start.SignalAndWait();
                body();
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        })
        { IsBackground = true }).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            Assert.True(thread.Join(Never), "a thread hangs");
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    internal static void Run(int count, Action<int> body) =>
        Run(Enumerable.Range(0, count).Select(i => new Action(() => body(i))).ToArray());

    internal static void Until(Func<bool> condition, string what)
    {
        Assert.True(SpinWait.SpinUntil(condition, Never), what);
    }
}
