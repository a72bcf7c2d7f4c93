using Warren.Bench.Harness;
using Warren.Bench.Peers;

namespace Warren.Bench;

/// <summary>From launch to the first output of a command in the guest's user land.</summary>
internal sealed class BootBenchmark : IBenchmark
{
    private const string Up = "up";

    public string Name => "boot";

    public string Description => "Debian's kernel from launch to a command's output with 1, 2 and 4 vCPUs, against QEMU TCG";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        var guest = GuestCommands.Open(context);
        foreach (var cpus in new[] { 1, 2, 4 })
        {
            var ours = new List<double>();
            var peer = new List<double>();
            var mips = new List<double>();
            for (var i = 0; i < context.Repeats; i++)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                context.Progress($"boot: {cpus} vCPUs, {i + 1} of {context.Repeats}");
                var (output, launched, statistics) = guest.OnWarren(cpus, "echo", Up);
                ours.Add(output.SecondsSince(launched, Up));
                mips.Add(statistics.Instructions / statistics.Elapsed.TotalSeconds / 1e6);
                if (guest.OnQemu(cpus, "echo", Up) is { } q) peer.Add(q.Output.SecondsSince(q.Launched, Up));
            }
            yield return BenchResult.Of(
                Name, $"{cpus} vCPUs", Sampler.Median(ours), "s", peer.Count > 0 ? Qemu.PeerName : null, peer.Count > 0
                    ? Sampler.Median(peer) : null);
            yield return BenchResult.Of(Name, $"{cpus} vCPUs, guest instructions", Sampler.Median(mips), "MIPS");
        }
    }
}
