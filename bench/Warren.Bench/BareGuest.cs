using System.Reflection;
using Warren.Asm;
using Warren.Bench.Harness;
using Warren.Machines;
using Warren.Machines.Serial;

namespace Warren.Bench;

/// <summary>Our own bare-metal guests (<c>guest/</c>), assembled when they are needed.</summary>
internal static class BareGuest
{
    /// <summary>Calls <paramref name="run"/> with the path of the assembled executable, which is deleted afterwards.</summary>
    /// <param name="source">Name of the embedded source.</param>
    /// <param name="defines">Symbols the source leaves to its user.</param>
    /// <param name="run">What to do with it.</param>
    public static T WithKernel<T>(string source, IReadOnlyDictionary<string, long> defines, Func<string, T> run)
    {
        using var text = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(source)!);
        var program = Assembler.Assemble(
            text.ReadToEnd(), new AssemblerOptions { Output = OutputKind.Elf, Base = 0x8020_0000, FileName = source, Defines = defines });
        var path = Path.Combine(Path.GetTempPath(), $"warren-bench-{Guid.NewGuid():n}.elf");
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

    /// <summary>Runs a guest to its end; what it printed, and when, and what happened.</summary>
    /// <exception cref="InvalidOperationException">The guest did not power off.</exception>
    public static (TimestampedOutput Output, MachineStatistics Statistics) Run(MicroVmOptions options)
    {
        var output = new TimestampedOutput();
        var vm = MicroVm.Create(options with { Mode = MicroVmMode.Console, Console = new SerialOptions { Output = output } });
        try
        {
            var exit = vm.RunAsync().GetAwaiter().GetResult();
            return exit.Kind == MachineExitKind.PowerOff ? (output, vm.Statistics)
                : throw new InvalidOperationException($"The guest did not power off: {exit}.");
        }
        finally
        {
            vm.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
