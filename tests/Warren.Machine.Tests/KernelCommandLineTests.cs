using System.Text;
using Warren.Machines.Boot;
using Warren.Machines.DeviceTree;

namespace Warren.Machines.Tests;

/// <summary>A kernel's command line arrives as it was given, byte by byte, or is refused.</summary>
public sealed class KernelCommandLineTests
{
    private static readonly MachineOptions Options = new() { KernelPath = "k" };

    private static string Refusal(Action act)
    {
        var message = Assert.Throws<MachineConfigurationException>(act).Message;
        Assert.DoesNotContain(message, char.IsControl);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        return message;
    }

    [Theory]
    [InlineData("x=", 'é', 600, 1202)]
    [InlineData("", 'x', 1024, 1024)]
    [InlineData("", '€', 342, 1026)]
    public void Length_is_counted_in_bytes(string start, char filling, int count, int bytes)
    {
        var text = start + new string(filling, count);
        Assert.Contains($"{bytes} bytes", Refusal(() => KernelCommandLine.CheckLength(text, KernelFormat.Image)), StringComparison.Ordinal);
        KernelCommandLine.CheckLength(text, KernelFormat.Elf);
    }

    [Theory]
    [InlineData("", 'x', 1023)]
    [InlineData("x", 'é', 511)]
    [InlineData("", '€', 341)]
    public void What_fits_to_the_last_byte_is_taken(string start, char filling, int count)
    {
        var text = start + new string(filling, count);
        Assert.Equal(1023, Encoding.UTF8.GetByteCount(text));
        KernelCommandLine.CheckLength(text, KernelFormat.Image);
    }

    [Theory]
    [InlineData("a\nb", "U+000A, after 1")]
    [InlineData("a=b\tc", "U+0009")]
    [InlineData("\u001b[2J", "U+001B")]
    [InlineData("\u007f", "U+007F")]
    [InlineData("\u009b", "U+009B")]
    [InlineData("a\0b", "NUL")]
    public void What_would_not_arrive_is_refused(string text, string word)
        => Assert.Contains(word, Refusal(() => (Options with { CommandLine = text }).Validate()), StringComparison.Ordinal);

    /// <summary>Attributes are UTF-8 themselves, so these stand here.</summary>
    [Fact]
    public void Half_a_character_is_refused()
    {
        foreach (var text in (string[])["a\ud83d", "\ud83d\ud83d\ude00", "\ude00b", "\ud83d\ude00\ude00"])
        {
            Assert.Contains("half of a character", Refusal(() => (Options with { CommandLine = text }).Validate()),
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("foo bar")]
    [InlineData("x=é name=\ud83d\ude00 quoted=\"a b\"")]
    public void The_rest_arrives(string text)
    {
        var options = Options with { CommandLine = text };
        options.Validate();
        var tree = FdtReader.Read(MachineDeviceTree.Build(options, 0, 0));
        Assert.Equal([text], tree.At("/chosen")!.StringList("bootargs"));
    }
}
