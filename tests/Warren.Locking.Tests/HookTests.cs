using System.Globalization;

namespace Warren.Locking.Tests;

/// <summary>Drives the hook in child processes that run with checking on.</summary>
public sealed class HookTests
{
    [Fact]
    public void Every_operation_reports_its_steps()
    {
        var lines = Child.Run(null, "record", "on").TrimEnd().Split('\n');
        Assert.Equal(RecordedScript.Expected.Split('\n').Select(l => l.Trim()), lines.Select(l => l.Trim()));
    }

    [Fact]
    public void A_controlled_scheduler_can_run_the_primitives_one_step_at_a_time_and_replay_them()
    {
        // Each seed prints the interleaving it took and verified its invariants.
        var first = Child.Run(null, "schedule", "300", "on");
        var second = Child.Run(null, "schedule", "300", "on");
        Assert.Equal(first, second);
        var distinct = first.TrimEnd().Split('\n').Select(l => l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..]).Distinct().Count();
        Assert.True(distinct > 100, string.Create(CultureInfo.InvariantCulture, $"only {distinct} interleavings of 300 seeds differ"));
    }

    [Fact]
    public void Hooks_cannot_be_installed_where_checking_is_off() => Child.Run(null, "install");
}
