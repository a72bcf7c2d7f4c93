using System.Diagnostics;
using Warren.Agent;
using Warren.Bench.Harness;
using Warren.Bench.Peers;
using Warren.Images;
using Warren.Images.Guests;
using Warren.Machines;

namespace Warren.Bench;

/// <summary>
/// Runs the same command in the same guest on Warren and on QEMU: kernel, initramfs, memory, CPUs and command line are equal.
/// </summary>
internal sealed class GuestCommands
{
    private const long MemoryBytes = 512L << 20;
    private static readonly string[] Path = ["PATH=/bin"];

    private readonly string _kernel;
    private readonly string _initrd;

    private GuestCommands(string kernel, string initrd) => (_kernel, _initrd) = (kernel, initrd);

    /// <exception cref="BenchmarkUnavailableException">There is no guest image and none can be pulled.</exception>
    public static GuestCommands Open(BenchContext context)
    {
        try
        {
            var store = new ImageStore(new ImageStoreOptions());
            var image = store.GetGuestAsync(cancellation: context.Cancellation).GetAwaiter().GetResult();
            return new GuestCommands(image.Kernel, store.GetInitramfs(image, EmbeddedGuests.Init.ToArray()));
        }
        catch (ImageException e)
        {
            throw new BenchmarkUnavailableException(e.Message);
        }
    }

    /// <summary>Runs on Warren, in this process.</summary>
    public (TimestampedOutput Output, long Launched, MachineStatistics Statistics) OnWarren(int cpus, params string[] command)
    {
        var launched = Stopwatch.GetTimestamp();
        var output = new TimestampedOutput();
        var vm = MicroVm.Create(new MicroVmOptions { KernelPath = _kernel, InitrdPath = _initrd, MemoryBytes = MemoryBytes, Cpus = cpus });
        try
        {
            var outcome = vm.ExecAsync(command, Path, null, output, Stream.Null).GetAwaiter().GetResult();
            if (outcome.Result is not { Succeeded: true }) throw new InvalidOperationException($"The command failed on Warren: {outcome}.");
            return (output, launched, vm.Statistics);
        }
        finally
        {
            vm.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Warren's own, and the port of the agent: QEMU's board has one serial line.</summary>
    private static string QemuCommandLine { get; } = GuestCommandLine.Compose(MicroVmMode.Command, verbose: false, "")
        + " warren.tty=ttyS0";

    /// <summary>Boots on QEMU, measures its process when the guest's agent is up, and ends it; null when it is not installed.</summary>
    public T? ResidentOnQemu<T>(int cpus, Func<int, T> measure)
        where T : struct
    {
        using var qemu = Qemu.TryStart(_kernel, _initrd, QemuCommandLine, MemoryBytes, cpus);
        if (qemu is null) return null;
        qemu.Port.ReadExactly(new byte[AgentFrame.HeaderBytes]);
        return measure(qemu.ProcessId);
    }

    /// <summary>Runs on QEMU; null when it is not installed.</summary>
    public (TimestampedOutput Output, long Launched)? OnQemu(int cpus, params string[] command)
    {
        using var qemu = Qemu.TryStart(_kernel, _initrd, QemuCommandLine, MemoryBytes, cpus);
        if (qemu is null) return null;
        var output = new TimestampedOutput();
        var agent = new AgentConnection(qemu.Port);
        var result = agent.RunCommandAsync(ExecRequest.Create(command, Path), null, output, Stream.Null, default).GetAwaiter().GetResult();
        return result.Succeeded ? (output, qemu.Launched) : throw new InvalidOperationException($"The command failed on QEMU: {result}.");
    }
}
