using System.Text.RegularExpressions;

namespace Warren.Cli.Tests;

/// <summary><c>warren run --lock-check</c> on the guest that needs neither network nor cache.</summary>
public sealed class LockCheckTests
{
    [Fact]
    public void A_guest_runs_under_the_validator_which_says_what_it_saw_and_finds_nothing()
    {
        var (status, _, error) = WarrenProcess.Run("run", "--guest", "selftest", "--lock-check", "--cpus", "2");
        Assert.Equal(0, status);
        var line = Regex.Match(error, @"^lock check: (\d+) classes, (\d+) edges, (\d+) chains, no violations$", RegexOptions.Multiline);
        Assert.True(line.Success, error);
        // Slots, tables, bus, board: a guest that ran has taken more than a handful.
        Assert.True(int.Parse(line.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) >= 15, error);
        Assert.True(int.Parse(line.Groups[3].Value, System.Globalization.CultureInfo.InvariantCulture) >= 15, error);
    }

    [Fact]
    public void Without_the_option_nothing_is_said()
    {
        var (status, _, error) = WarrenProcess.Run("run", "--guest", "selftest");
        Assert.Equal(0, status);
        Assert.DoesNotContain("lock check", error, StringComparison.Ordinal);
    }
}
