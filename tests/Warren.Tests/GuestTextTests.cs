using FsCheck;
using FsCheck.Fluent;
using Warren.Agent;

namespace Warren.Tests;

/// <summary>Arguments and environment are bytes in Linux; strings of ours carry them all.</summary>
public class GuestTextTests
{
    [Fact]
    public void Any_bytes_come_back_unchanged() =>
        Prop.ForAll<byte[]>(bytes => GuestText.Encode(GuestText.Decode(WithoutNul(bytes))).AsSpan().SequenceEqual(WithoutNul(bytes)))
        .QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("plain")]
    [InlineData("é – 漢字 😀")]
    [InlineData("")]
    public void Text_is_utf8(string text)
    {
        Assert.Equal(System.Text.Encoding.UTF8.GetBytes(text), GuestText.Encode(text));
        Assert.Equal(text, GuestText.Decode(System.Text.Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public void What_is_no_utf8_is_escaped() =>
    Assert.Equal("\uDCFF\uDCFEA\uDCED\uDCB0\uDC80", GuestText.Decode([0xff, 0xfe, (byte)'A', 0xed, 0xb0, 0x80]));

    [Fact]
    public void What_is_no_string_of_linux_is_refused() =>
        // No theory: an attribute's strings are UTF-8, and would lose the halves of pairs.
        Assert.All(new[] { "a\0b", "\uD800", "x\uDC00", "\uDC7F", "\uDD00" },
            text => Assert.Throws<ArgumentException>(() => GuestText.Encode(text)));

    [Theory]
    [InlineData(new string[0], new string[0])]
    [InlineData(new[] { "" }, new string[0])]
    [InlineData(new[] { "a\0b" }, new string[0])]
    [InlineData(new[] { "a", "b\0" }, new string[0])]
    [InlineData(new[] { "a" }, new[] { "NAME" })]
    [InlineData(new[] { "a" }, new[] { "=value" })]
    [InlineData(new[] { "a" }, new[] { "" })]
    [InlineData(new[] { "a" }, new[] { "A=b\0C=d" })]
    public void A_request_that_means_something_else_in_the_guest_is_refused(string[] command, string[] environment) =>
        Assert.Throws<ArgumentException>(() => ExecRequest.Create(command, environment));

    private static byte[] WithoutNul(byte[]? bytes) => [.. (bytes ?? []).Where(b => b != 0)];
}
