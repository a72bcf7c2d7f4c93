using Warren.Bench.Harness;
using Warren.Bench.Peers;

namespace Warren.Bench;

/// <summary>First touch of guest pages that nothing backs yet, 1 to 4 vCPUs at once: demand zero plus stage-2 mapping.</summary>
internal sealed class FaultBenchmark : IBenchmark
{
    private const int PagesPerVcpu = 16384;

    public string Name => "fault";

    public string Description => "first touch of guest pages by 1 to 4 vCPUs, against Linux KVM (4 KiB pages)";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var vcpus in new[] { 1, 2, 4 })
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"fault: {vcpus} vCPUs");
            var peer = KvmWorkloads.FirstTouch(vcpus, PagesPerVcpu, context.Repeats);
            var name = peer is null ? null : LinuxKvm.PeerName;
            yield return BenchResult.Of(Name, $"4 KiB pages, {vcpus} vCPUs", Measure(vcpus, huge: false, context.Repeats), "ns/page", name,
                peer);
            yield return BenchResult.Of(Name, $"2 MiB mappings, {vcpus} vCPUs", Measure(vcpus, huge: true, context.Repeats), "ns/page",
                name, peer);
        }
    }

    private static double Measure(int vcpus, bool huge, int repeats) => Sampler.Median(Enumerable.Range(-1, repeats + 1).Select(i =>
    {
        using var guest = new GuestMemory((ulong)(vcpus * PagesPerVcpu), huge);
        var cpus = Enumerable.Range(0, vcpus).Select(n => guest.Writer((ulong)(n * PagesPerVcpu), PagesPerVcpu)).ToArray();
        return (Warm: i < 0, Ns: Parallelism.TimeNs(vcpus, n => GuestMemory.RunToEnd(cpus[n])) / ((double)vcpus * PagesPerVcpu));
    }).Where(s => !s.Warm).Select(s => s.Ns));
}
