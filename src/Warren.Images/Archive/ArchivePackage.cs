using System.Buffers;
using Warren.Images.Packages;

namespace Warren.Images.Archive;

/// <summary>An entry of the archive's signed index: one binary package.</summary>
/// <param name="Path">Of the .deb, relative to the mirror's root.</param>
/// <param name="Sha256">Of the .deb, 64 lower-case hexadecimal digits.</param>
internal sealed record ArchivePackage(string Name, string Version, string Architecture, string Path, long Size, string Sha256,
    string Depends)
{
    private const long MaxSize = 1L << 30;

    private static readonly SearchValues<char> s_nameEnds = SearchValues.Create(" \t\n(:[<");

    /// <exception cref="ImageException">A needed field is missing, malformed, or would lead outside the mirror.</exception>
    public static ArchivePackage FromStanza(Stanza stanza)
    {
        var name = stanza["Package"] ?? throw Malformed("an unnamed package");
        var path = stanza["Filename"] ?? throw Malformed(name);
        var digest = stanza["SHA256"];
        if (!RelativePath.IsSafe(path)
            || !Sha256Text.IsValid(digest)
            || !long.TryParse(stanza["Size"], out var size)
            || size is <= 0 or > MaxSize
            || stanza["Version"] is not { Length: > 0 } version)
        {
            throw Malformed(name);
        }
        var depends = string.Join(", ", stanza["Pre-Depends"], stanza["Depends"]);
        return new ArchivePackage(name, version, stanza["Architecture"] ?? "", path, size, digest, depends);
    }

    /// <summary>The names of the packages it depends on, the first of alternatives, without version or architecture.</summary>
    public IEnumerable<string> DependencyNames()
    {
        foreach (var clause in Depends.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var name = clause.Split('|')[0];
            var end = name.AsSpan().IndexOfAny(s_nameEnds);
            yield return (end < 0 ? name : name[..end]).Trim();
        }
    }

    private static ImageException Malformed(string name) =>
        ImageException.Corrupt($"the mirror's package index has a malformed entry for {name}; try another mirror with --mirror");
}
