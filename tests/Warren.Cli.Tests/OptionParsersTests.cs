using Warren.Cli.CommandLine;

namespace Warren.Cli.Tests;

public class OptionParsersTests
{
    [Theory]
    [InlineData("512M", 512L << 20)]
    [InlineData("2g", 2L << 30)]
    [InlineData("64MiB", 64L << 20)]
    [InlineData("128MB", 128L << 20)]
    [InlineData("1048576", 1L << 20)]
    [InlineData("8k", 8192)]
    public void Sizes_are_read_as_people_write_them(string text, long expected)
    {
        Assert.True(OptionParsers.TrySize(text, out var bytes));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-5M")]
    [InlineData("1.5G")]
    [InlineData("12X")]
    [InlineData("99999999999999999999")]
    [InlineData("9999999999G")]
    public void What_is_no_size_is_refused(string text) => Assert.False(OptionParsers.TrySize(text, out _));

    [Theory]
    [InlineData("30", 30_000)]
    [InlineData("30s", 30_000)]
    [InlineData("500ms", 500)]
    [InlineData("1.5s", 1500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    public void Durations_are_read_as_people_write_them(string text, int milliseconds)
    {
        Assert.True(OptionParsers.TryDuration(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-3s")]
    [InlineData("soon")]
    [InlineData("1e999")]
    [InlineData("100000h")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(OptionParsers.TryDuration(text, out _));
}
