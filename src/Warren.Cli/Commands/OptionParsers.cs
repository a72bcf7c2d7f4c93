using System.CommandLine.Parsing;
using System.Globalization;

namespace Warren.Cli.Commands;

/// <summary>Sizes and durations as users write them.</summary>
internal static class OptionParsers
{
    /// <summary>Bytes from "512M", "2G", "1048576K" or a plain number of bytes; K, M and G are powers of 1024.</summary>
    public static bool TrySize(string text, out long bytes)
    {
        bytes = 0;
        var s = text.Trim();
        if (s.EndsWith("iB", StringComparison.OrdinalIgnoreCase)) s = s[..^2];
        else if (s.EndsWith('B') || s.EndsWith('b')) s = s[..^1];
        if (s.Length == 0) return false;
        var shift = char.ToUpperInvariant(s[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        if (shift > 0) s = s[..^1];
        if (!long.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value > long.MaxValue >> shift) return false;
        bytes = value << shift;
        return true;
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
        if (!(total > 0) || total > TimeSpan.FromDays(24).TotalSeconds) return false;
        duration = TimeSpan.FromSeconds(total);
        return true;
    }

    public static long? Size(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        if (TrySize(text, out var bytes)) return bytes;
        result.AddError($"'{text}' is not a memory size; write it like 512M or 2G.");
        return null;
    }

    public static TimeSpan? Duration(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        if (TryDuration(text, out var duration)) return duration;
        result.AddError($"'{text}' is not a duration; write it like 30s, 500ms or 2m.");
        return null;
    }
}
