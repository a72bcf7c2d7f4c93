using System.Threading;
using Warren.Bench.Harness;
using Warren.Locking;
using SpinLock = Warren.Locking.SpinLock;

namespace Warren.Bench;

/// <summary>
/// The price of the validator's hook point while it is off: our spinlock against the same two instructions without any hook.
/// </summary>
internal sealed class LockGuardBenchmark : IBenchmark
{
    private const int Iterations = 10_000;
    private static readonly LockClass Class = new("bench", WaitContext.Spin);
    private int _bare;

    public string Name => "lock-guard";

    public string Description => "lock and unlock an uncontended spinlock, against a bare compare-exchange and store";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        context.Progress("lock-guard");
        var hooked = new SpinLock(Class);
        var ours = Sampler.BatchedNs(20 * context.Repeats, 10, () => HookedLoop(hooked)) / Iterations;
        var bare = Sampler.BatchedNs(20 * context.Repeats, 10, BareLoop) / Iterations;
        yield return BenchResult.Of(Name, "lock and unlock", ours, "ns", "bare-cas", bare);
    }

    private static void HookedLoop(SpinLock hooked)
    {
        for (var i = 0; i < Iterations; i++)
        {
            hooked.Lock();
            hooked.Unlock();
        }
    }

    private void BareLoop()
    {
        for (var i = 0; i < Iterations; i++)
        {
            if (Interlocked.CompareExchange(ref _bare, 1, 0) != 0) throw new InvalidOperationException("Nobody else takes this lock.");
            Volatile.Write(ref _bare, 0);
        }
    }
}
