using System.Diagnostics;
using System.Globalization;
using Warren.Bench.Harness;
using Warren.Bench.Peers;

namespace Warren.Bench;

/// <summary>
/// Resident memory of a whole <c>warren run</c> process, with Linux up in the guest, beyond the guest's own memory that is resident: what a
/// guest costs on top of what it touches.
/// </summary>
internal sealed class MemoryBenchmark : IBenchmark
{
    private const long GuestKilobytes = 512 << 10;

    public string Name => "memory";

    public string Description => "resident memory of the process beyond what the guest touched, Linux up, against QEMU TCG";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        var guest = GuestCommands.Open(context);
        foreach (var cpus in new[] { 1, 4 })
        {
            context.Progress($"memory: {cpus} vCPUs");
            var ours = Enumerable.Range(0, context.Repeats).Select(_ => OnWarren(cpus)).ToList();
            var peer = guest.ResidentOnQemu(cpus, Measure);
            var name = peer is null ? null : Qemu.PeerName;
            yield return BenchResult.Of(Name, $"beyond the guest's, {cpus} vCPUs", Sampler.Median(ours.Select(o => o.Beyond)), "MB", name,
                peer?.Beyond);
            yield return BenchResult.Of(Name, $"touched by the guest, {cpus} vCPUs", Sampler.Median(ours.Select(o => o.Guest)), "MB", name,
                peer?.Guest);
        }
    }

    private static (double Guest, double Beyond) OnWarren(int cpus)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardInput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (var a in new[]
            { "run", "--memory", "512M", "--cpus", cpus.ToString(CultureInfo.InvariantCulture), "--", "sh", "-c", "echo up; read nothing" })
        {
            start.ArgumentList.Add(a);
        }
        using var process = Process.Start(start)!;
        try
        {
            if (process.StandardOutput.ReadLine() != "up") throw new InvalidOperationException("The guest did not come up.");
            return Measure(process.Id);
        }
        finally
        {
            process.StandardInput.Close();
            process.WaitForExit();
        }
    }

    /// <summary>Splits a process's residency into its one mapping that is as large as the guest, and all others; MB.</summary>
    private static (double Guest, double Beyond) Measure(int processId)
    {
        long guest = 0, all = 0, size = 0;
        foreach (var line in File.ReadLines($"/proc/{processId}/smaps"))
        {
            if (line.StartsWith("Size:", StringComparison.Ordinal)) size = Kilobytes(line);
            if (!line.StartsWith("Rss:", StringComparison.Ordinal)) continue;
            all += Kilobytes(line);
            // The frame pool is merged by the kernel with nothing of that size; the runtime's huge reservations are not resident.
            if (size >= GuestKilobytes) guest = Math.Max(guest, Kilobytes(line));
        }
        return (guest / 1e3, (all - guest) / 1e3);
    }

    private static long Kilobytes(string line) =>
        long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], NumberStyles.None, CultureInfo.InvariantCulture);
}
