using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Warren.Images.Packages;

/// <summary>
/// One paragraph of Debian's control format (deb822(5)): fields by name, case-insensitive, the first of a repeated one counting.
/// A continuation line is kept with its newline and without its first space.
/// </summary>
internal sealed class Stanza
{
    private readonly Dictionary<string, string> _fields = new(StringComparer.OrdinalIgnoreCase);

    public int Count => _fields.Count;

    /// <summary>The field's value, or null.</summary>
    public string? this[string name] => _fields.GetValueOrDefault(name);

    public bool TryGet(string name, [NotNullWhen(true)] out string? value) => _fields.TryGetValue(name, out value);

    /// <summary>The value's words, split at any white space; empty when there is no such field.</summary>
    public string[] Words(string name) =>
        _fields.TryGetValue(name, out var value) ? value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : [];

    /// <summary>Parses the lines of one paragraph; comment lines and lines that are neither field nor continuation are skipped.</summary>
    public static Stanza Parse(ReadOnlySpan<byte> text)
    {
        Stanza stanza = new();
        string? name = null;
        StringBuilder value = new();
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range].TrimEnd(" \t\r"u8);
            if (line.IsEmpty || line[0] == '#')
                continue;
            if (line[0] is (byte)' ' or (byte)'\t')
            {
                if (name != null)
                    value.Append('\n').Append(Encoding.UTF8.GetString(line[1..]));
                continue;
            }
            stanza.Add(name, value);
            name = null;
            var colon = line.IndexOf((byte)':');
            if (colon <= 0)
                continue;
            name = Encoding.UTF8.GetString(line[..colon]);
            value.Clear().Append(Encoding.UTF8.GetString(line[(colon + 1)..].Trim(" \t"u8)));
        }
        stanza.Add(name, value);
        return stanza;
    }

    private void Add(string? name, StringBuilder value)
    {
        if (name != null)
            _fields.TryAdd(name, value.ToString());
    }
}
