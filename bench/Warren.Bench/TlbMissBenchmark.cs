using Warren.Bench.Harness;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;

namespace Warren.Bench;

/// <summary>
/// The cost of a miss of the guest's TLB: a pointer chase (<c>guest/chase</c>) over 256 MiB in 4 KiB pages, where nearly every load misses,
/// less the same chase over as many cache lines packed into 4 MiB, where none does; less what the host itself takes longer for the one than
/// for the other (<see cref="HostChase"/>); in CPU time, for the cache is shared as it is and the CPU need not be. The guest's pages are of
/// 4 KiB; the VM maps its memory by 4 KiB, as after a fork or while dirty pages are logged, or by 2 MiB. The host commits 2 MiB at a time,
/// so that its own TLB holds as much of the data as it can.
/// </summary>
internal sealed class TlbMissBenchmark : IBenchmark
{
    private const double Steps = 65536 * 32;
    private const long MemoryBytes = 1L << 30;
    private static readonly (string Mode, int Levels)[] Modes = [("Sv39", 3), ("Sv57", 5)];

    public string Name => "tlb-miss";

    public string Description => "guest TLB misses of a pointer chase over 256 MiB: the shadow MMU, against the TDP MMU";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        var own = new List<double>();
        foreach (var (mode, levels) in Modes)
        {
            foreach (var huge in new[] { false, true })
            {
                var name = $"{mode}, memory in {(huge ? "2 MiB" : "4 KiB")}";
                var shadow = new double[context.Repeats];
                var tdp = new double[context.Repeats];
                for (var r = 0; r < context.Repeats; r++)
                {
                    context.Cancellation.ThrowIfCancellationRequested();
                    context.Progress($"tlb-miss: {name}, {r + 1} of {context.Repeats}");
                    tdp[r] = Measure(levels, huge, MmuKind.Tdp);
                    own.Add(HostChase.Measure());
                    shadow[r] = Measure(levels, huge, MmuKind.Shadow);
                    // Between the two, so that all three meet the machine in one mood.
                    tdp[r] -= own[^1];
                    shadow[r] -= own[^1];
                }
                yield return BenchResult.Of(Name, name, Sampler.Median(shadow), "ns/miss", "TDP", Sampler.Median(tdp));
            }
        }
        yield return BenchResult.Of(Name, "the host's own share, taken off each", Sampler.Median(own), "ns/miss");
    }

    private static double Measure(int levels, bool huge, MmuKind kind) =>
        BareGuest.WithKernel("chase.s", new Dictionary<string, long> { ["LEVELS"] = levels }, kernel =>
    {
        using var frames = new FramePool(MemoryBytes + (64 << 20), hostHugePages: true);
        var (output, _) =
            BareGuest.Run(new MicroVmOptions
            { KernelPath = kernel, MemoryBytes = MemoryBytes, Vm = new() { Mmu = kind, HugePages = huge }, Frames = frames });
        return (output.CpuSecondsBetween("a", "b") - output.CpuSecondsBetween("b", "c")) * 1e9 / Steps;
    });
}
