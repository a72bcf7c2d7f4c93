using Warren.Images.Guests;
using Warren.Machines;

namespace Warren.Tests;

/// <summary>The requests that <see cref="MicroVm"/> refuses before anything runs.</summary>
public sealed class MicroVmTests : IDisposable
{
    private readonly string _kernel = Path.GetTempFileName();

    public MicroVmTests() => File.WriteAllBytes(_kernel, EmbeddedGuests.Selftest.ToArray());

    public void Dispose() => File.Delete(_kernel);

    [Fact]
    public async Task An_exact_command_line_has_nothing_appended()
    {
        var options =
            new MicroVmOptions { KernelPath = _kernel, Mode = MicroVmMode.Console, MemoryBytes = 64L << 20, CommandLine = "exact" };
        await MicroVm.Create(options).DisposeAsync();
        var refusal = Assert.Throws<MachineConfigurationException>(() => MicroVm.Create(options with { Append = "more" }));
        Assert.Contains("append", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 80)]
    [InlineData(24, 0)]
    [InlineData(-1, 80)]
    [InlineData(24, -1)]
    [InlineData(65536, 80)]
    [InlineData(24, 65536)]
    public async Task A_size_that_no_terminal_has_is_refused(int rows, int columns)
    {
        await using var vm = MicroVm.Create(new MicroVmOptions { KernelPath = _kernel, Mode = MicroVmMode.Shell, MemoryBytes = 64L << 20 });
        await vm.ResizeAsync(1, 65535);
        await vm.ResizeAsync(65535, 1);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.ResizeAsync(rows, columns));
    }
}
