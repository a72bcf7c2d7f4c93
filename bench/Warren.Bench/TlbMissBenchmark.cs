using Warren.Bench.Harness;
using Warren.Hypervisor;

namespace Warren.Bench;

/// <summary>
/// What a miss of the guest's TLB costs: a pointer chase (<c>guest/chase</c>) over 256 MiB in 4 KiB pages, where nearly every load misses, less the
/// same chase over 1 MiB, where none does. The host's own cache and TLB misses for the data are in both kinds' figures.
/// </summary>
internal sealed class TlbMissBenchmark : IBenchmark
{
    private const double Steps = 65536 * 32;
    private static readonly (string Name, int Levels)[] Modes = [("Sv39", 3), ("Sv48", 4), ("Sv57", 5)];

    public string Name => "tlb-miss";

    public string Description => "guest TLB misses of a pointer chase over 256 MiB: the shadow MMU, against the TDP MMU";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var (mode, levels) in Modes)
        {
            var shadow = new double[context.Repeats];
            var tdp = new double[context.Repeats];
            for (var r = 0; r < context.Repeats; r++)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                context.Progress($"tlb-miss: {mode}, {r + 1} of {context.Repeats}");
                tdp[r] = Measure(levels, MmuKind.Tdp);
                shadow[r] = Measure(levels, MmuKind.Shadow);
            }
            yield return BenchResult.Of(Name, $"{mode}, 4 KiB pages", Sampler.Median(shadow), "ns/miss", "TDP", Sampler.Median(tdp));
        }
    }

    private static double Measure(int levels, MmuKind kind) => BareGuest.WithKernel("chase.s", new Dictionary<string, long> { ["LEVELS"] = levels }, kernel =>
    {
        var (output, _) = BareGuest.Run(new MicroVmOptions { KernelPath = kernel, MemoryBytes = 1L << 30, Mmu = kind });
        return (output.SecondsBetween("a", "b") - output.SecondsBetween("b", "c")) * 1e9 / Steps;
    });
}
