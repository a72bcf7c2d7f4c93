using System.Text;
using Warren.Cli.Terminal;

namespace Warren.Cli.Tests;

public class EscapeKeyTests
{
    private static (string Sent, EscapeAction Action) Type(params string[] reads)
    {
        var escape = new EscapeKey();
        var sent = new StringBuilder();
        var last = EscapeAction.None;
        var buffer = new byte[64];
        foreach (var read in reads)
        {
            last = escape.Filter(Encoding.Latin1.GetBytes(read), buffer, out var count);
            sent.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        return (sent.ToString(), last);
    }

    [Theory]
    [InlineData("ls\r", "ls\r")]
    [InlineData("a\u0001ab", "a\u0001b")]
    [InlineData("\u0001\u0001", "\u0001")]
    [InlineData("\u0001qls", "ls")]
    public void Ordinary_typing_reaches_the_guest(string typed, string expected) =>
    Assert.Equal((expected, EscapeAction.None), Type(typed));

    [Theory]
    [InlineData("\u0001x")]
    [InlineData("\u0001X")]
    public void Control_a_x_ends_and_nothing_after_it_is_sent(string typed) =>
    Assert.Equal(("", EscapeAction.Exit), Type(typed + "rm -rf /\r"));

    [Fact]
    public void The_two_keys_may_arrive_in_two_reads() => Assert.Equal(("ls", EscapeAction.Exit), Type("ls\u0001", "x"));

    [Fact]
    public void Control_a_h_helps_and_typing_goes_on() => Assert.Equal(("lsps", EscapeAction.Help), Type("ls\u0001hps"));
}
