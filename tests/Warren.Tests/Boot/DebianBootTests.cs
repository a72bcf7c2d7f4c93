using System.Text;
using Warren.Agent;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Machines;
using Warren.Machines.Serial;
using Warren.RiscV;

namespace Warren.Tests.Boot;

/// <summary>Debian's stock kernel to user land, and commands in it.</summary>
[Collection(nameof(GuestImages))]
[Trait("Length", "Gate")]
public class DebianBootTests(GuestImageFixture images)
{
    private static readonly string[] Environment = ["PATH=/bin", "GREETING=good day"];

    private static async Task<(ExecOutcome Outcome, string Output, string Error, MachineStatistics Statistics)> ExecAsync(
        MicroVmOptions options, Stream? input, params string[] command)
    {
        var vm = MicroVm.Create(options);
        await using (vm)
        {
            var output = new MemoryStream();
            var error = new MemoryStream();
            var outcome = await vm.ExecAsync(command, Environment, input, output, error);
            return (outcome, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()), vm.Statistics);
        }
    }

    [SkippableTheory]
    [InlineData(1, "tdp")]
    [InlineData(2, "tdp")]
    [InlineData(4, "tdp")]
    [InlineData(1, "shadow")]
    [InlineData(2, "shadow")]
    [InlineData(4, "shadow")]
    public async Task Boots_and_runs_commands_on_every_cpu(int cpus, string mmu)
    {
        const string script = """
            set -e
            uname -sm; nproc; echo "$GREETING"; grep -c ^processor /proc/cpuinfo
            i=0; while [ $i -lt 8 ]; do (head -c 300000 /bin/busybox | sha256sum) & i=$((i+1)); done; wait
            head -c 300000 /bin/busybox | sha256sum
            echo to stderr >&2
            exit 7
            """;
        var (outcome, output, error, statistics) =
            await ExecAsync(images.Options(cpus) with { Vm = new() { Mmu = MmuKind.Find(mmu)! } }, null, "sh", "-c", script);
        Assert.Equal(new ExecResult(7, 0, 0), outcome.Result);
        Assert.Equal("to stderr\n", error);
        var lines = output.TrimEnd().Split('\n');
        Assert.Equal(["Linux riscv64", $"{cpus}", "good day", $"{cpus}"], lines[..4]);
        Assert.Equal(9, lines.Length - 4);
        Assert.Single(lines[4..].Distinct());
        Assert.All(statistics.Harts, h => Assert.True(h.Instructions > 1_000_000, $"a hart executed only {h.Instructions} instructions"));
        Assert.True(statistics.Vm.Vcpus.SptesSet > 0);
    }

    /// <summary>Processes without end, on every CPU: tables made, shared, copied on write, fenced remotely and freed.</summary>
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Processes_come_and_go_on_shadow_tables(int cpus)
    {
        const string script = """
            work() { i=0; while [ $i -lt 25 ]; do (x=$(echo $i | sha256sum); /bin/true); i=$((i+1)); done; echo done; }
            work & work & work & work & wait
            """;
        var options = images.Options(cpus) with { Vm = new() { Mmu = MmuKind.Shadow, Audit = true } };
        var (outcome, output, error, statistics) = await ExecAsync(options, null, "sh", "-c", script);
        Assert.Equal((new ExecResult(0, 0, 0), ""), (outcome.Result!.Value, error));
        Assert.Equal("done\ndone\ndone\ndone\n", output);
        Assert.True(statistics.Vm.Mmu.PagesSynced > 0 && statistics.Vm.Mmu.ShadowPagesZapped > 0);
    }

    /// <summary>Guests of every paging mode: the kernel takes the widest it is offered.</summary>
    [SkippableTheory]
    [InlineData(SatpMode.Sv39)]
    [InlineData(SatpMode.Sv48)]
    public async Task Boots_on_shadow_tables_of_fewer_levels(SatpMode paging)
    {
        var (outcome, output, _, _) =
            await ExecAsync(images.Options() with { Vm = new() { Mmu = MmuKind.Shadow }, MaxPaging = paging }, null, "uname", "-m");
        Assert.Equal((new ExecResult(0, 0, 0), "riscv64\n"), (outcome.Result!.Value, output));
    }

    [SkippableFact]
    public async Task Standard_input_and_output_are_binary_clean_and_lose_nothing()
    {
        var sent = new byte[150_001];
        new Random(3).NextBytes(sent);
        var vm = MicroVm.Create(images.Options());
        await using (vm)
        {
            var output = new MemoryStream();
            var outcome = await vm.ExecAsync(["cat"], Environment, new MemoryStream(sent), output, Stream.Null);
            Assert.Equal(new ExecResult(0, 0, 0), outcome.Result);
            Assert.Equal(sent, output.ToArray());
        }
    }

    [SkippableFact]
    public async Task A_command_that_does_not_exist_is_told_from_one_that_fails()
    {
        var (outcome, _, _, _) = await ExecAsync(images.Options(), null, "no-such-command");
        Assert.True(outcome.Result is { NotFound: true }, outcome.ToString());
    }

    [SkippableFact]
    public async Task A_signal_ends_the_command_and_is_reported()
    {
        var vm = MicroVm.Create(images.Options());
        await using (vm)
        {
            var started = new SignalOnOutput(() => vm.SignalAsync(15));
            var outcome = await vm.ExecAsync(["sh", "-c", "echo started; exec sleep 1000"], Environment, null, started, Stream.Null);
            Assert.Equal(new ExecResult(0, 15, 0), outcome.Result);
        }
    }

    [SkippableFact]
    public async Task A_guest_panic_is_noticed_and_its_line_reported()
    {
        var vm = MicroVm.Create(images.Options() with { Mode = MicroVmMode.Console, InitrdPath = null });
        await using (vm)
        {
            var exit = await vm.RunAsync();
            Assert.Equal(MachineExitKind.Panic, exit.Kind);
            Assert.Contains("VFS", exit.Detail, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public async Task The_shell_on_the_console_takes_typed_commands_and_powers_off()
    {
        var output = new MemoryStream();
        var vm = MicroVm.Create(images.Options() with { Mode = MicroVmMode.Shell, Console = new SerialOptions() });
        await using (vm)
        {
            var run = vm.RunShellAsync();
            using var console = new SerialPortStream(vm.Console);
            var buffer = new byte[4096];
            var typed = false;
            int read;
            while ((read = await console.ReadAsync(buffer)) > 0)
            {
                output.Write(buffer, 0, read);
                if (typed || !Encoding.UTF8.GetString(output.ToArray()).Contains("# ", StringComparison.Ordinal)) continue;
                typed = true;
                await console.WriteAsync("echo $((6*7))-ok; poweroff -f\n"u8.ToArray());
            }
            Assert.Equal(MachineExitKind.PowerOff, (await run).Machine.Kind);
            Assert.Contains("42-ok", Encoding.UTF8.GetString(output.ToArray()), StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public async Task Two_guests_of_a_process_share_the_kernels_frames_and_give_all_back()
    {
        using var pool = new FramePool(2L << 30);
        var options = images.Options() with { Frames = pool };
        await Task.WhenAll(
            Task.Run(() => ExecAsync(options, null, "true")),
            Task.Run(() => ExecAsync(options, null, "true")));
        Assert.Equal(0, pool.FramesInUse);
    }

    private sealed class SignalOnOutput(Func<Task> signal) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            System.Threading.CancellationToken cancellationToken = default) => await signal();
    }
}
