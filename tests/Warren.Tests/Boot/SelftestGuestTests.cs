using System.Text;
using Warren.Hypervisor.Paging;
using Warren.Images.Guests;
using Warren.Machines;
using Warren.Machines.Serial;

namespace Warren.Tests.Boot;

/// <summary>The embedded bare-metal guest: traps, paging, atomics, floating point, SMP and every device, seen from inside.</summary>
public class SelftestGuestTests
{
    /// <summary>The guest has long powered off; its last words go to a stream that never takes them.</summary>
    [Fact]
    public async Task Disposal_waits_for_no_stream()
    {
        var path = Path.Combine(Path.GetTempPath(), $"warren-test-{Guid.NewGuid():n}.elf");
        try
        {
            await File.WriteAllBytesAsync(path, EmbeddedGuests.Selftest.ToArray());
            var stuck = new StuckStream();
            var vm = MicroVm.Create(new MicroVmOptions
            { Mode = MicroVmMode.Console, KernelPath = path, MemoryBytes = 64L << 20, Console = new SerialOptions { Output = stuck } });
            var run = vm.RunAsync();
            await stuck.Reached.Task.WaitAsync(TimeSpan.FromMinutes(5));
            await vm.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(5));
            await run.WaitAsync(TimeSpan.FromMinutes(5));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private sealed class StuckStream : MemoryStream
    {
        public TaskCompletionSource Reached { get; } = new();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancellationToken = default)
        {
            Reached.TrySetResult();
            return new ValueTask(new TaskCompletionSource().Task);
        }
    }

    [Theory]
    [InlineData(1, "tdp")]
    [InlineData(4, "tdp")]
    [InlineData(16, "tdp")]
    [InlineData(1, "shadow")]
    [InlineData(4, "shadow")]
    [InlineData(16, "shadow")]
    public async Task Passes_with_any_number_of_harts(int cpus, string mmu)
    {
        var path = Path.Combine(Path.GetTempPath(), $"warren-test-{Guid.NewGuid():n}.elf");
        try
        {
            await File.WriteAllBytesAsync(path, EmbeddedGuests.Selftest.ToArray());
            var output = new MemoryStream();
            var vm = MicroVm.Create(
                new MicroVmOptions
                {
                    Mode = MicroVmMode.Console,
                    KernelPath = path,
                    MemoryBytes = 64L << 20,
                    Cpus = cpus,
                    Vm = new() { Mmu = MmuKind.Find(mmu)!, Audit = true },
                    Timeout = TimeSpan.FromMinutes(5),
                    Console = new SerialOptions { Output = output },
                });
            await using (vm)
            {
                var exit = await vm.RunAsync();
                var report = Encoding.UTF8.GetString(output.ToArray());
                Assert.DoesNotContain("FAIL", report, StringComparison.Ordinal);
                Assert.Contains(" 0 failed", report, StringComparison.Ordinal);
                Assert.Equal(MachineExitKind.PowerOff, exit.Kind);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }
}
