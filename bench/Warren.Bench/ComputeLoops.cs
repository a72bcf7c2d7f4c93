using System.Reflection;
using Warren.Asm;
using Warren.Bench.Harness;
using Warren.Bench.Peers;
using Warren.Machines.Serial;

namespace Warren.Bench;

/// <summary>The bare-metal loops of <c>guest/loops</c>, whose instruction counts are known, on Warren and on QEMU.</summary>
internal static class ComputeLoops
{
    private const long MemoryBytes = 64L << 20;

    /// <summary>Case, the line before and the line after it, and its instructions.</summary>
    public static readonly (string Case, string From, string To, double Instructions)[] Parts =
    [
        ("integer loop", "a", "b", 40e6), ("load and store loop", "b", "c", 40e6), ("call loop", "c", "d", 32e6), ("double loop", "d", "e", 28e6),
    ];

    /// <summary>Runs on Warren; MIPS of each part.</summary>
    public static double[] OnWarren() => WithKernel(kernel =>
    {
        var output = new TimestampedOutput();
        var vm = MicroVm.Create(
            new MicroVmOptions { KernelPath = kernel, MemoryBytes = MemoryBytes, Console = new SerialOptions { Output = output } }, GuestCommandLine.ShellMode);
        try
        {
            _ = vm.RunAsync().GetAwaiter().GetResult();
            return Mips(output);
        }
        finally
        {
            vm.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    });

    /// <summary>Runs on QEMU; null when it is not installed.</summary>
    public static double[]? OnQemu() => WithKernel(kernel =>
    {
        using var qemu = Qemu.TryStart(kernel, initrd: null, "", MemoryBytes, 1);
        if (qemu is null) return null;
        var output = new TimestampedOutput();
        qemu.Console.CopyTo(output);
        return Mips(output);
    });

    private static double[] Mips(TimestampedOutput output) => [.. Parts.Select(p => p.Instructions / output.SecondsBetween(p.From, p.To) / 1e6)];

    private static T WithKernel<T>(Func<string, T> run)
    {
        using var source = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("loops.s")!);
        var program = Assembler.Assemble(source.ReadToEnd(), new AssemblerOptions { Output = OutputKind.Elf, Base = 0x8020_0000, FileName = "loops.s" });
        var path = Path.Combine(Path.GetTempPath(), $"warren-loops-{Guid.NewGuid():n}.elf");
        try
        {
            File.WriteAllBytes(path, program.ToArray());
            return run(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
