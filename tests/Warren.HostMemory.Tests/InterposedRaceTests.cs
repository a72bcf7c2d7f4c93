using System.Diagnostics;

namespace Warren.HostMemory.Tests;

public sealed class InterposedRaceTests
{
    [Theory]
    [InlineData(nameof(InterposedRaces.FrameReusedWhileFaulting))]
    [InlineData(nameof(InterposedRaces.EntryDiscardedBeforeItsFrameIsTaken))]
    [InlineData(nameof(InterposedRaces.BlockSplitWhileFaulting))]
    [InlineData(nameof(InterposedRaces.CopyOvertakenByDiscard))]
    public void A_change_right_before_the_deciding_step_is_noticed(string script)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true };
        start.ArgumentList.Add(typeof(InterposedRaceTests).Assembly.Location);
        start.ArgumentList.Add(script);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }
}
