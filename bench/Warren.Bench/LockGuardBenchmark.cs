using System.Runtime.CompilerServices;
using Warren.Bench.Harness;
using Warren.Locking;

namespace Warren.Bench;

/// <summary>What the validator's hook point costs while it is off: our spinlock against the same two instructions without any hook.</summary>
internal sealed class LockGuardBenchmark : IBenchmark
{
    private static readonly LockClass Class = new("bench", WaitContext.Spin);
    private int _bare;

    public string Name => "lock-guard";

    public string Description => "lock and unlock an uncontended spinlock, against a bare compare-exchange and store";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        context.Progress("lock-guard");
        var hooked = new SpinLock(Class);
        var ours = Sampler.BatchedNs(20 * context.Repeats, 100_000, () => { hooked.Lock(); hooked.Unlock(); });
        var bare = Sampler.BatchedNs(20 * context.Repeats, 100_000, LockBare);
        yield return BenchResult.Of(Name, "lock and unlock", ours, "ns", "bare-cas", bare);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void LockBare()
    {
        if (System.Threading.Interlocked.CompareExchange(ref _bare, 1, 0) != 0) throw new InvalidOperationException("Nobody else takes this lock.");
        System.Threading.Volatile.Write(ref _bare, 0);
    }
}
