using System.Text;

namespace Warren.Cli;

/// <summary>
/// The command line as the kernel has it. The runtime replaces bytes that are no UTF-8; a command for the guest must get them as they are
/// (<see cref="GuestText"/>).
/// </summary>
internal static class RawArguments
{
    /// <summary>
    /// The same words as <paramref name="arguments"/>, with nothing replaced; the runtime's own words stand before them in the process's.
    /// </summary>
    public static string[] Of(string[] arguments)
    {
        if (!arguments.Any(a => a.Contains(Rune.ReplacementChar.ToString(), StringComparison.Ordinal))) return arguments;
        try
        {
            return Last(File.ReadAllBytes("/proc/self/cmdline"), arguments.Length) ?? arguments;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return arguments;
        }
    }

    /// <summary>The last strings of a block of strings that each end in a zero byte; null when there are fewer.</summary>
    internal static string[]? Last(ReadOnlySpan<byte> block, int count)
    {
        var words = new List<string>();
        while (!block.IsEmpty)
        {
            var end = block.IndexOf((byte)0);
            if (end < 0) return null;
            words.Add(GuestText.Decode(block[..end]));
            block = block[(end + 1)..];
        }
        return words.Count < count ? null : [.. words.TakeLast(count)];
    }
}
