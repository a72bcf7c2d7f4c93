using System.Text;

namespace Warren.Images.Archive;

/// <summary>OpenPGP's ASCII armor (RFC 9580, section 6): gpgv reads only binary keyrings, while many are handed out as text.</summary>
internal static class Armor
{
    private const string Begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    private const string End = "-----END PGP PUBLIC KEY BLOCK-----";

    /// <summary>The keys of every armored block one after another, or null when the file is not armored text.</summary>
    public static byte[]? TryDecodeKeys(ReadOnlySpan<byte> file)
    {
        if (file.IndexOf(Encoding.ASCII.GetBytes(Begin)) < 0)
            return null;
        List<byte> keys = [];
        StringBuilder? block = null;
        var headers = false;
        foreach (var rawLine in Encoding.ASCII.GetString(file).Split('\n'))
        {
            var line = rawLine.Trim();
            if (line == Begin)
            {
                block = new StringBuilder();
                headers = true;
            }
            else if (line == End && block != null)
            {
                var bytes = new byte[block.Length];
                if (!Convert.TryFromBase64String(block.ToString(), bytes, out var length))
                    return null;
                keys.AddRange(bytes.AsSpan(0, length));
                block = null;
            }
            else if (headers && (line.Length == 0 || !line.Contains(':', StringComparison.Ordinal)))
            {
                headers = false;
                block?.Append(line);
            }
            else if (!headers && !line.StartsWith('='))
            {
                block?.Append(line);
            }
        }
        return keys.Count > 0 ? [.. keys] : null;
    }
}
