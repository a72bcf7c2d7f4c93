using Warren.Bench.Harness;
using Warren.Bench.Peers;

namespace Warren.Bench;

/// <summary>Compute-bound work in the guest's user land, each part timed by the lines the guest prints between them.</summary>
internal sealed class CpuBenchmark : IBenchmark
{
    private static readonly (string Case, string Shell)[] Parts =
    [
        ("shell loop", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"),
        ("sha256sum of 8 MiB", "head -c 8388608 /dev/zero | sha256sum >/dev/null"),
        ("gzip of 2 MiB", "head -c 2097152 /bin/busybox | gzip >/dev/null"),
        ("fork and wait, 200", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"),
    ];

    public string Name => "cpu";

    public string Description => "compute loops and sha256sum in the guest, against QEMU TCG";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var result in Loops(context)) yield return result;
        var guest = GuestCommands.Open(context);
        var script = string.Concat(Parts.Select((p, i) => $"echo m{i}; {p.Shell}; ")) + $"echo m{Parts.Length}";
        double[][] ours = [.. Parts.Select(_ => new double[context.Repeats])], peer = [.. Parts.Select(_ => new double[context.Repeats])];
        var mips = new double[context.Repeats];
        var hasPeer = true;
        for (var r = 0; r < context.Repeats; r++)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"cpu: {r + 1} of {context.Repeats}");
            var (output, _, statistics) = guest.OnWarren(1, "/bin/sh", "-c", script);
            mips[r] = statistics.Instructions / statistics.Elapsed.TotalSeconds / 1e6;
            var qemu = guest.OnQemu(1, "/bin/sh", "-c", script);
            hasPeer &= qemu is not null;
            for (var i = 0; i < Parts.Length; i++)
            {
                ours[i][r] = output.SecondsBetween($"m{i}", $"m{i + 1}");
                if (qemu is { } q) peer[i][r] = q.Output.SecondsBetween($"m{i}", $"m{i + 1}");
            }
        }
        for (var i = 0; i < Parts.Length; i++)
        {
            yield return BenchResult.Of(Name, Parts[i].Case, Sampler.Median(ours[i]), "s", hasPeer ? Qemu.PeerName : null,
                hasPeer ? Sampler.Median(peer[i]) : null);
        }
        yield return BenchResult.Of(Name, "whole run, boot included", Sampler.Median(mips), "MIPS");
    }

    private IEnumerable<BenchResult> Loops(BenchContext context)
    {
        var ours = new List<double[]>();
        var peer = new List<double[]>();
        for (var r = 0; r < context.Repeats; r++)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"cpu: loops, {r + 1} of {context.Repeats}");
            ours.Add(ComputeLoops.OnWarren());
            if (ComputeLoops.OnQemu() is { } q) peer.Add(q);
        }
        for (var i = 0; i < ComputeLoops.Parts.Length; i++)
        {
            yield return BenchResult.Of(
                Name, ComputeLoops.Parts[i].Case, Sampler.Median(ours.Select(o => o[i])), "MIPS",
                peer.Count > 0 ? Qemu.PeerName : null, peer.Count > 0 ? Sampler.Median(peer.Select(p => p[i])) : null);
        }
    }
}
