using Warren.Agent;
using Warren.Machines;
using Warren.Machines.Serial;
using Warren.RiscV;

namespace Warren.Tests.Boot;

/// <summary>The promises of <see cref="MicroVm"/> at the ends: misuse, disposal, slow and failing streams.</summary>
[Collection(nameof(GuestImages))]
[Trait("Length", "Gate")]
public class ExecTests(GuestImageFixture images)
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(5);

    [SkippableFact]
    public async Task After_a_command_the_machine_has_powered_off()
    {
        await using var vm = MicroVm.Create(images.Options());
        var outcome = await vm.ExecAsync(["false"], [], null, Stream.Null, Stream.Null);
        Assert.Equal((new ExecResult(1, 0, 0), MachineExitKind.PowerOff), (outcome.Result, outcome.Machine.Kind));
    }

    [SkippableTheory]
    [InlineData("poweroff -f", MachineExitKind.PowerOff)]
    [InlineData("reboot -f", MachineExitKind.Reboot)]
    [InlineData("echo c >/proc/sysrq-trigger", MachineExitKind.Panic)]
    public async Task A_machine_that_ends_first_says_how(string command, MachineExitKind end)
    {
        await using var vm = MicroVm.Create(images.Options());
        var outcome = await vm.ExecAsync(["sh", "-c", command + "; sleep 1000"], [], null, Stream.Null, Stream.Null);
        Assert.Equal((null, end), (outcome.Result, outcome.Machine.Kind));
    }

    /// <summary>
    /// Before the agent is there; while the caller's stream has a write; while the command waits for input and the host for room.
    /// </summary>
    [SkippableTheory]
    [InlineData("boot")]
    [InlineData("output")]
    [InlineData("input")]
    public async Task Disposal_cancels_a_command(string moment)
    {
        var vm = MicroVm.Create(images.Options());
        var reached = new TaskCompletionSource();
        var endless = new EndlessStream(moment == "input" ? reached : null);
        var output = new Gate(moment == "output" ? reached : null);
        var running = vm.ExecAsync(["sh", "-c", "echo begun; sleep 1000"], [], moment == "input" ? endless : null, output, Stream.Null);
        if (moment == "boot") reached.SetResult();
        await reached.Task.WaitAsync(Hang);
        await vm.DisposeAsync().AsTask().WaitAsync(Hang);
        var outcome = await running.WaitAsync(Hang);
        Assert.Equal((null, MachineExitKind.Cancelled), (outcome.Result, outcome.Machine.Kind));
        Assert.False(await vm.SignalAsync(15));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.ExecAsync(["true"], [], null, Stream.Null, Stream.Null));
    }

    [SkippableFact]
    public async Task The_guest_waits_for_whoever_reads_its_output()
    {
        const int bytes = 20_000_000, buffered = 64 << 10;
        await using var vm = MicroVm.Create(images.Options());
        var reached = new TaskCompletionSource();
        var gate = new Gate(reached);
        var running = vm.ExecAsync(["head", "-c", $"{bytes}", "/dev/zero"], [], null, gate, Stream.Null);
        await reached.Task.WaitAsync(Hang);

        // One frame is out of the line's buffer and in our hands; the buffer fills; then nothing moves any more, however long the guest
        // runs.
        await UntilAsync(() => vm.Statistics.SerialOutput[1] >= buffered);
        var instructions = vm.Statistics.Harts[0].Instructions;
        await UntilAsync(() => vm.Statistics.Harts[0].Instructions > instructions);
        Assert.InRange(vm.Statistics.SerialOutput[1], buffered, buffered + 2 * 4100);
        gate.Open();
        Assert.Equal(new ExecResult(0, 0, 0), (await running.WaitAsync(Hang)).Result);
        Assert.Equal(bytes, gate.Written);
    }

    [SkippableFact]
    public async Task What_the_output_throws_is_thrown_and_ends_the_guest()
    {
        await using var vm = MicroVm.Create(images.Options());
        var fault = new IOException("no space left");
        Assert.Same(fault,
            await Assert.ThrowsAsync<IOException>(() => vm.ExecAsync(["echo", "x"], [], null, new Faulty(fault), Stream.Null)
                .WaitAsync(Hang)));
        await Assert.ThrowsAsync<InvalidOperationException>(() => vm.ExecAsync(["true"], [], null, Stream.Null, Stream.Null));
    }

    [SkippableFact]
    public async Task Arguments_that_linux_cannot_carry_cost_no_boot()
    {
        await using var vm = MicroVm.Create(images.Options());
        await Assert.ThrowsAsync<ArgumentException>(() => vm.ExecAsync(["a\0b"], [], null, Stream.Null, Stream.Null));
        await Assert.ThrowsAsync<ArgumentException>(() => vm.ExecAsync([], [], null, Stream.Null, Stream.Null));
        await Assert.ThrowsAsync<ArgumentException>(() => vm.ExecAsync(["a"], ["b"], null, Stream.Null, Stream.Null));
        Assert.Equal(0UL, vm.Statistics.Harts[0].Instructions);
    }

    [SkippableFact]
    public async Task A_machine_does_what_it_was_made_for()
    {
        await using var vm = MicroVm.Create(images.Options());
        await Assert.ThrowsAsync<InvalidOperationException>(() => vm.RunAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => vm.RunShellAsync());
        Assert.Throws<ArgumentOutOfRangeException>(() => MicroVm.Create(images.Options() with { Mode = (MicroVmMode)7 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => MicroVm.Create(images.Options() with { MaxPaging = (SatpMode)5 }));
        Assert.Throws<ArgumentNullException>(() => MicroVm.Create(images.Options() with { Append = null! }));
        Assert.Throws<ArgumentNullException>(() => MicroVm.Create(images.Options() with { Console = null! }));
        Assert.Throws<ArgumentNullException>(() => MicroVm.Create(images.Options() with { KernelPath = null! }));
        foreach (var signal in new[] { int.MinValue, -1, 0, 65, 257 })
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.SignalAsync(signal));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.ResizeAsync(0, 5));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.ResizeAsync(5, 65536));
    }

    [SkippableTheory]
    [InlineData("warren.mode=bogus")]
    [InlineData("quiet warren.tty=ttyS0")]
    public void What_the_guest_is_booted_for_is_not_said_twice(string append) =>
        Assert.Contains("leave it out",
            Assert.Throws<MachineConfigurationException>(() => MicroVm.Create(images.Options() with { Append = append })).Message,
            StringComparison.Ordinal);

    [SkippableFact]
    public void Limits_that_no_timer_and_no_buffer_has_are_refused()
    {
        Assert.Throws<MachineConfigurationException>(() => MicroVm.Create(images.Options() with { Timeout = TimeSpan.MaxValue }));
        Assert.Throws<MachineConfigurationException>(() =>
            MicroVm.Create(images.Options() with { Console = new SerialOptions { Capacity = int.MaxValue } }));
        Assert.Throws<MachineConfigurationException>(
            () => MicroVm.Create(images.Options() with { Console = new SerialOptions { Output = Stream.Null, DiscardOutput = true } }));
    }

    /// <summary>The command has ended and the guest with it; only the caller's stream keeps everybody waiting.</summary>
    [SkippableFact]
    public async Task The_time_limit_holds_for_output_that_nobody_takes()
    {
        await using var vm = MicroVm.Create(images.Options() with { Timeout = TimeSpan.FromSeconds(60) });
        var outcome = await vm.ExecAsync(["echo", "x"], [], null, new Gate(new TaskCompletionSource()), Stream.Null).WaitAsync(Hang);
        Assert.Equal((null, MachineExitKind.TimedOut), (outcome.Result, outcome.Machine.Kind));
    }

    /// <summary>Whatever a console's stream throws, the guest goes on without it.</summary>
    [SkippableFact]
    public async Task A_console_that_fails_does_not_stall_the_guest()
    {
        var options =
            images.Options() with
            { Verbose = true, Console = new SerialOptions { Output = new Faulty(new InvalidOperationException("not an IOException")) } };
        await using var vm = MicroVm.Create(options);
        var outcome = await vm.ExecAsync(["sh", "-c", "head -c 300000 /dev/zero >/dev/ttyS0; exit 5"], [], null, Stream.Null, Stream.Null)
            .WaitAsync(Hang);
        Assert.Equal(new ExecResult(5, 0, 0), outcome.Result);
    }

    private static async Task UntilAsync(Func<bool> happened)
    {
        for (var end = DateTime.UtcNow + Hang; !happened(); await Task.Delay(10)) Assert.True(DateTime.UtcNow < end, "It never happened.");
    }

    private sealed class Faulty(Exception fault) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancellationToken = default) =>
            throw fault;
    }

    /// <summary>Takes nothing until it is opened, and knows nothing of cancellation; without a signal it is open.</summary>
    private sealed class Gate(TaskCompletionSource? reached) : MemoryStream
    {
        private readonly TaskCompletionSource _opened = new();

        public long Written { get; private set; }

        public void Open() => _opened.SetResult();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            System.Threading.CancellationToken cancellationToken = default)
        {
            if (reached is not null)
            {
                reached.TrySetResult();
                await _opened.Task;
            }
            Written += buffer.Length;
        }
    }

    /// <summary>Input without end; tells when more was asked for than a command that reads nothing can have been sent.</summary>
    private sealed class EndlessStream(TaskCompletionSource? reached) : MemoryStream
    {
        private int _read;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancellationToken = default)
        {
            _read += buffer.Length;
            if (_read > 16 * 4096) reached?.TrySetResult();
            return ValueTask.FromResult(buffer.Length);
        }
    }
}
