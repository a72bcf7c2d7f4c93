using System.Text;
using Warren.Images.Packages;

namespace Warren.Images.Mirrors;

/// <summary>One enabled binary source of apt's: an archive, a suite of it, and how it is trusted.</summary>
/// <param name="Uri">As written.</param>
/// <param name="SignedBy">The Signed-By value, or "".</param>
internal sealed record AptSource(string Uri, string Suite, IReadOnlyList<string> Components, string SignedBy)
{
    private static readonly string[] s_suites =
    [
        "oldoldstable", "oldstable", "stable", "testing", "unstable", "sid", "experimental",
        "buster", "bullseye", "bookworm", "trixie", "forky", "duke",
    ];

    /// <summary>
    /// How surely this is a Debian archive that holds every release: 0 for no. Third-party repositories often use Debian's suite
    /// names, so a suite is not enough: the archive's own keyring, or a path that ends in "debian", has to agree.
    /// </summary>
    public int DebianLikeness()
    {
        if (!System.Uri.TryCreate(Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            return 0;
        var suite = Suite;
        foreach (var pocket in (string[])["-updates", "-proposed-updates", "-backports"])
        {
            if (suite.EndsWith(pocket, StringComparison.Ordinal))
                suite = suite[..^pocket.Length];
        }
        if (!s_suites.Contains(suite) || !Components.Contains("main"))
            return 0;
        var debianKeyring = SignedBy.Contains("debian-archive", StringComparison.Ordinal);
        var otherKeyring = SignedBy.StartsWith('/') && !debianKeyring;
        var segments = uri.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var debianPath = segments.Contains("debian");
        if (otherKeyring || (!debianKeyring && !debianPath))
            return 0;
        var score = 1 + (debianKeyring ? 2 : 0) + (segments.Length > 0 && segments[^1] == "debian" ? 1 : 0);
        return suite == Suite ? score + 4 : score;
    }

    /// <summary>The sources of a one-line-style file (sources.list(5)).</summary>
    public static IEnumerable<AptSource> ParseList(string text)
    {
        foreach (var rawLine in text.Split('\n'))
        {
            var line = rawLine.Split('#')[0].Trim();
            var rest = line.StartsWith("deb", StringComparison.Ordinal) ? line[3..] : "";
            if (rest.Length == 0 || !char.IsWhiteSpace(rest[0]))
                continue;
            rest = rest.TrimStart();
            var signedBy = "";
            if (rest.StartsWith('['))
            {
                var close = rest.IndexOf(']', StringComparison.Ordinal);
                if (close < 0)
                    continue;
                foreach (var option in SplitWords(rest[1..close]))
                {
                    if (option.StartsWith("signed-by=", StringComparison.OrdinalIgnoreCase))
                        signedBy = option["signed-by=".Length..];
                }
                rest = rest[(close + 1)..];
            }
            var words = SplitWords(rest);
            if (words.Length >= 2)
                yield return new AptSource(words[0], words[1], words[2..], signedBy);
        }
    }

    /// <summary>The sources of a deb822-style file: every URI with every suite of each stanza that is not disabled.</summary>
    public static IEnumerable<AptSource> ParseDeb822(string text)
    {
        using MemoryStream stream = new(Encoding.UTF8.GetBytes(text));
        StanzaReader reader = new(stream, 1 << 20);
        while (reader.Read() is { } stanza)
        {
            var enabled = stanza["Enabled"] ?? "yes";
            if (enabled.ToLowerInvariant() is "no" or "false" or "0" or "off" or "without" or "disable" || !stanza.Words("Types")
                .Contains("deb"))
            {
                continue;
            }
            foreach (var uri in stanza.Words("URIs"))
            {
                foreach (var suite in stanza.Words("Suites"))
                    yield return new AptSource(uri, suite, stanza.Words("Components"), (stanza["Signed-By"] ?? "").Trim());
            }
        }
    }

    private static string[] SplitWords(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
