using Warren.Bench.Harness;
using Warren.Bench.Peers;
using Warren.Hypervisor.Slots;

namespace Warren.Bench;

/// <summary>Collecting the dirty log of a slot of which a part was written since the last time.</summary>
internal sealed class DirtyLogBenchmark : IBenchmark
{
    private const int Pages = 65536;
    private static readonly int[] Strides = [1, 16, 256];

    public string Name => "dirty-log";

    public string Description => "collect the dirty bitmap of 256 MiB of which 1/1, 1/16, 1/256 was written, against Linux KVM";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var stride in Strides)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"dirty-log: every {stride}th page");
            var (collect, rewrite) = Measure(stride, context.Repeats);
            var peer = KvmWorkloads.DirtyLog(Pages, stride, context.Repeats);
            yield return BenchResult.Of(Name, $"collect, every {stride}th page", collect, "us", peer is null ? null : LinuxKvm.PeerName,
                peer);
            yield return BenchResult.Of(Name, $"write again, every {stride}th page", rewrite, "ns/page");
        }
    }

    private static (double CollectUs, double RewriteNs) Measure(int stride, int repeats)
    {
        using var guest = new GuestMemory(Pages, hugePages: false, MemslotFlags.LogDirtyPages);
        var writer = guest.Writer(0, (ulong)(Pages / stride), (ulong)stride);
        var bitmap = new ulong[Pages / 64];
        double[] collect = new double[repeats], rewrite = new double[repeats];
        void Cycle(int i)
        {
            rewrite[i] = Sampler.TimeNs(() => GuestMemory.RunToEnd(writer)) / (Pages / (double)stride);
            collect[i] = Sampler.TimeNs(() => guest.Vm.GetDirtyLog(0, bitmap)) / 1000;
        }
        Sampler.Warm(() => Cycle(0));
        for (var i = 0; i < repeats; i++) Cycle(i);
        return (Sampler.Median(collect), Sampler.Median(rewrite));
    }
}
