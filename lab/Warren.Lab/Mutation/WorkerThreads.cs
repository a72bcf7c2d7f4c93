using System.Runtime.ExceptionServices;
using System.Threading;

namespace Warren.Lab.Mutation;

internal static class WorkerThreads
{
    /// <summary>Does pieces of work in their order, each worker one at a time, until all are done or it is cancelled.</summary>
    /// <exception cref="VariantException">The first that any of them threw; the others end as soon as they can.</exception>
    internal static void ForEach(IReadOnlyList<IMutantWorker> workers, int count, Action<IMutantWorker, int> work,
        CancellationToken cancellation)
    {
        var next = -1;
        ExceptionDispatchInfo? failure = null;
        var threads = workers.Select(worker => new Thread(() =>
        {
            try
            {
                int i;
                while (!cancellation.IsCancellationRequested && Volatile.Read(ref failure) is null && (i = Next()) < count)
                    work(worker, i);
            }
            catch (OperationCanceledException)
            {
                // What is done is done.
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        })
        {
            IsBackground = true,
            Name = "mutants",
        }).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        failure?.Throw();

        int Next() => Interlocked.Increment(ref next);
    }
}
