using Warren.Bench.Harness;
using Warren.Bench.Peers;

namespace Warren.Bench;

/// <summary>The bare-metal loops of <c>guest/loops</c>, whose instruction counts are known, on Warren and on QEMU.</summary>
internal static class ComputeLoops
{
    private const long MemoryBytes = 64L << 20;

    /// <summary>Case, the line before and the line after it, and its instructions.</summary>
    public static readonly (string Case, string From, string To, double Instructions)[] Parts =
    [
        ("integer loop", "a", "b", 40e6), ("load and store loop", "b", "c", 40e6), ("call loop", "c", "d", 32e6),
        ("double loop", "d", "e", 28e6),
    ];

    private static readonly Dictionary<string, long> NoDefines = [];

    /// <summary>Runs on Warren; MIPS of each part.</summary>
    public static double[] OnWarren() => BareGuest.WithKernel(
        "loops.s", NoDefines, kernel => Mips(BareGuest.Run(new MicroVmOptions { KernelPath = kernel, MemoryBytes = MemoryBytes }).Output));

    /// <summary>Runs on QEMU; null when it is not installed.</summary>
    public static double[]? OnQemu() => BareGuest.WithKernel("loops.s", NoDefines, kernel =>
    {
        using var qemu = Qemu.TryStart(kernel, initrd: null, "", MemoryBytes, 1);
        if (qemu is null) return null;
        var output = new TimestampedOutput();
        qemu.Console.CopyTo(output);
        return Mips(output);
    });

    private static double[] Mips(TimestampedOutput output) =>
        [.. Parts.Select(p => p.Instructions / output.SecondsBetween(p.From, p.To) / 1e6)];
}
