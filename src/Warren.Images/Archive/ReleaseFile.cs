using System.Globalization;
using Warren.Images.Packages;

namespace Warren.Images.Archive;

/// <summary>The signed table of contents of a suite (dists/SUITE/InRelease), reduced to what a pull needs.</summary>
internal sealed class ReleaseFile
{
    private const int MaxRelease = 8 << 20;

    private readonly Dictionary<string, (string Sha256, long Size)> _files = new(StringComparer.Ordinal);

    private ReleaseFile(string digest, bool byHash, string version)
    {
        Digest = digest;
        AcquireByHash = byHash;
        Version = version;
    }

    /// <summary>SHA-256 of the verified text, which names this state of the suite.</summary>
    public string Digest { get; }

    /// <summary>True when indexes may be fetched by the name of their digest, which no mirror update in between can break.</summary>
    public bool AcquireByHash { get; }

    /// <summary>Debian's point release ("13.7"), or "" where the suite has none.</summary>
    public string Version { get; }

    /// <summary>Parses verified text and checks that it is the suite asked for and has not expired.</summary>
    /// <param name="suite">Accepted as codename or as suite name.</param>
    /// <exception cref="ImageException">Not a Release file, another suite, without the architecture, or expired.</exception>
    public static ReleaseFile Parse(ReadOnlyMemory<byte> text, string suite, string architecture, DateTimeOffset now)
    {
        using MemoryStream stream = new(text.ToArray());
        var stanza = new StanzaReader(stream, MaxRelease).Read() ?? throw Malformed();
        if (stanza["Codename"] != suite && stanza["Suite"] != suite)
        {
            throw new ImageException(ImageError.Signature,
                $"the mirror answers for suite {stanza["Codename"] ?? "without a name"} when asked for {suite}; try another mirror with "
                    + $"--mirror");
        }
        if (stanza.TryGet("Architectures", out _) && !stanza.Words("Architectures").Contains(architecture))
        {
            throw new ImageException(ImageError.NotFound,
                $"the mirror's suite {suite} has no {architecture} packages; try another mirror with --mirror");
        }
        if (stanza.TryGet("Valid-Until", out var until))
        {
            if (!TryParseDate(until, out var end))
                throw Malformed();
            if (now > end)
            {
                throw new ImageException(ImageError.Signature,
                    string.Create(CultureInfo.InvariantCulture,
                        $"the mirror's archive expired on {end.UtcDateTime:yyyy-MM-dd} by this host's clock; ")
                    + "set the clock or try another mirror with --mirror");
            }
        }

        ReleaseFile release = new(Sha256Text.Of(text.Span), stanza["Acquire-By-Hash"] == "yes", stanza["Version"] ?? "");
        foreach (var line in (stanza["SHA256"] ?? throw Malformed()).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length != 3 || !Sha256Text.IsValid(words[0]) || !long.TryParse(words[1], out var size) || size < 0)
                throw Malformed();
            release._files.TryAdd(words[2], (words[0], size));
        }
        return release;
    }

    /// <summary>Digest and size of a file by its path below the suite ("main/binary-riscv64/Packages.xz").</summary>
    public bool TryFind(string path, out string sha256, out long size)
    {
        var found = _files.TryGetValue(path, out var file);
        (sha256, size) = file;
        return found;
    }

    private static bool TryParseDate(string text, out DateTimeOffset date)
    {
        var trimmed = text.EndsWith(" UTC", StringComparison.Ordinal) ? text[..^4] + " +0000" : text;
        return DateTimeOffset.TryParseExact(
            trimmed, "ddd, d MMM yyyy H:m:s zzz", CultureInfo.InvariantCulture, DateTimeStyles.AllowWhiteSpaces, out date);
    }

    private static ImageException Malformed() =>
        ImageException.Corrupt("the mirror's InRelease file is malformed; try another mirror with --mirror");
}
