using System.Globalization;

namespace Warren.Cli.CommandLine;

/// <summary>Numbers, sizes and durations as users write them.</summary>
internal static class OptionParsers
{
    public const string DurationWords = "a time above zero and up to 24 days, like 500ms, 30s, 2m or 1h";

    /// <summary>Powers of 1024, from 2^10.</summary>
    private const string Units = "KMGTPE";

    private static readonly TimeSpan LongestDuration = TimeSpan.FromDays(24);

    /// <summary>A whole number in decimal digits and nothing else.</summary>
    public static bool TryNumber(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <summary>Bytes from "512M", "2g", "1TiB" or a plain number of bytes; K, M, G, T, P and E are powers of 1024.</summary>
    public static bool TrySize(string text, out long bytes)
    {
        bytes = 0;
        var s = text.Trim();
        if (s.EndsWith("iB", StringComparison.OrdinalIgnoreCase)) s = s[..^2];
        else if (s.EndsWith('B') || s.EndsWith('b')) s = s[..^1];
        if (s.Length == 0) return false;
        var shift = 10 * (Units.IndexOf(char.ToUpperInvariant(s[^1]), StringComparison.Ordinal) + 1);
        if (shift > 0) s = s[..^1];
        if (!long.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value > long.MaxValue >> shift)
            return false;
        bytes = value << shift;
        return true;
    }

    /// <summary>As short as <see cref="TrySize"/> reads it: "512M", "1536M", "2G".</summary>
    public static string Size(long bytes)
    {
        var unit = 0;
        while (unit < Units.Length && bytes != 0 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            unit++;
        }

        return bytes.ToString(CultureInfo.InvariantCulture) + (unit == 0 ? "" : Units[unit - 1]);
    }

    /// <summary>A duration from "30", "30s", "500ms", "2m" or "1h"; a plain number is seconds.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = default;
        var s = text.Trim().ToLowerInvariant();
        var (suffix, unit) = s switch
        {
            _ when s.EndsWith("ms", StringComparison.Ordinal) => (2, TimeSpan.FromMilliseconds(1)),
            _ when s.EndsWith('s') => (1, TimeSpan.FromSeconds(1)),
            _ when s.EndsWith('m') => (1, TimeSpan.FromMinutes(1)),
            _ when s.EndsWith('h') => (1, TimeSpan.FromHours(1)),
            _ => (0, TimeSpan.FromSeconds(1)),
        };
        if (!double.TryParse(s[..^suffix], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)) return false;
        var total = value * unit.TotalSeconds;
        if (!(total > 0) || total > LongestDuration.TotalSeconds) return false;
        duration = TimeSpan.FromSeconds(total);
        // What a clock cannot tell from nothing is nothing.
        return duration > TimeSpan.Zero;
    }
}
