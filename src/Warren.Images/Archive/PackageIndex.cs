using System.Threading;
using Warren.Images.Packages;

namespace Warren.Images.Archive;

/// <summary>Finds in an archive's Packages file the few packages that a guest is made of.</summary>
internal sealed class PackageIndex
{
    private const int MaxStanza = 1 << 20;

    private readonly Dictionary<string, ArchivePackage> _packages = new(StringComparer.Ordinal);

    private PackageIndex()
    {
    }

    /// <summary>Reads the index to its end, keeping the newest version of each package whose name is wanted.</summary>
    /// <param name="stream">The uncompressed index.</param>
    /// <param name="prefixes">Beginnings of the names wanted.</param>
    /// <exception cref="ImageException">A wanted entry is malformed, or the file is not an index.</exception>
    public static PackageIndex Read(Stream stream, IReadOnlyList<string> prefixes, CancellationToken cancellation)
    {
        PackageIndex index = new();
        byte[][] heads = [.. prefixes.Select(p => System.Text.Encoding.ASCII.GetBytes("Package: " + p))];
        StanzaReader reader = new(stream, MaxStanza);
        while (reader.ReadRaw(out var raw))
        {
            cancellation.ThrowIfCancellationRequested();
            if (IsWanted(raw, heads))
                index.Add(ArchivePackage.FromStanza(Stanza.Parse(raw)));
        }
        return index;
    }

    /// <summary>The newest version of a package, or null.</summary>
    public ArchivePackage? Find(string name) => _packages.GetValueOrDefault(name);

    /// <summary>
    /// The packages that hold a kernel and its configuration: what the metapackage's dependencies lead to. In Debian 13 that is one,
    /// "linux-image-6.12.107+deb13-riscv64" for "linux-image-riscv64". Later that one is a metapackage itself, for
    /// "linux-binary-7.2.13+deb14-riscv64" with the kernel and "linux-base-7.2.13+deb14-riscv64" with the configuration.
    /// </summary>
    /// <exception cref="ImageException">The metapackage, its dependency, or a package it names is absent.</exception>
    public IReadOnlyList<ArchivePackage> ResolveKernel(string metapackage, string architecture)
    {
        var image = Versioned(Require(metapackage), "linux-image-", architecture) ?? throw Unclear(metapackage, "kernel");
        if (Versioned(image, "linux-binary-", architecture) is not { } binary)
            return [image];
        var common = Versioned(binary, "linux-base-", architecture) ?? Versioned(image, "linux-base-", architecture)
            ?? throw Unclear(binary.Name, "configuration");
        return [binary, common];
    }

    /// <exception cref="ImageException">There is no such package.</exception>
    public ArchivePackage Require(string name) =>
        Find(name)
        ?? throw new ImageException(ImageError.NotFound, $"the mirror does not have the package {name}; try another mirror with --mirror");

    /// <summary>The first dependency whose name is a stem, a version and the architecture; null when there is none.</summary>
    private ArchivePackage? Versioned(ArchivePackage package, string stem, string architecture)
    {
        var name = package.DependencyNames().FirstOrDefault(n => n.StartsWith(stem, StringComparison.Ordinal)
            && n.EndsWith("-" + architecture, StringComparison.Ordinal)
            && n.Length > stem.Length
            && char.IsAsciiDigit(n[stem.Length]));
        return name is null ? null : Require(name);
    }

    private static ImageException Unclear(string package, string what) => new(ImageError.NotFound,
        $"the mirror's {package} does not say which {what} it stands for; try another mirror with --mirror");

    private static bool IsWanted(ReadOnlySpan<byte> raw, byte[][] heads)
    {
        foreach (var head in heads)
        {
            // "Package" is the first field in every archive; the fallback keeps the reader right should it not be.
            if (raw.StartsWith(head))
                return true;
        }
        if (raw.StartsWith("Package:"u8))
            return false;
        var at = raw.IndexOf("\nPackage: "u8);
        if (at < 0)
            return false;
        foreach (var head in heads)
        {
            if (raw[(at + 1)..].StartsWith(head))
                return true;
        }
        return false;
    }

    private void Add(ArchivePackage package)
    {
        if (!_packages.TryGetValue(package.Name, out var known)
            || DebianVersion.Order.Compare(package.Version, known.Version) > 0)
        {
            _packages[package.Name] = package;
        }
    }
}
