using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Packages;

namespace Warren.Images.Cache;

/// <summary>Which packages a guest is made of, which of their files it needs, and how these get from a package into the cache.</summary>
internal sealed class GuestPackages(CacheDirectory cache)
{
    public const string Architecture = "riscv64";
    public const string KernelMetapackage = "linux-image-" + Architecture;
    public const string BusyboxPackage = "busybox-static";

    // Kernel and configuration are in the first of these, or else each in one of the others; what follows is the kernel's release.
    private const string ImageStem = "linux-image-", BinaryStem = "linux-binary-", BaseStem = "linux-base-";

    /// <summary>Beginnings of the names of every package that resolving may touch.</summary>
    public static IReadOnlyList<string> NamePrefixes { get; } = [ImageStem, BinaryStem, BaseStem, BusyboxPackage + "\n"];

    private static readonly Wanted s_kernel = new(ImageKind.Kernel, "kernel", "Image", IsKernel, 256L << 20);
    private static readonly Wanted s_config = new(ImageKind.KernelConfig, "kernel configuration", "config", IsConfig, 4L << 20);
    private static readonly Wanted[] s_imageFiles = [s_kernel, s_config], s_binaryFiles = [s_kernel], s_baseFiles = [s_config];

    private static readonly Wanted[] s_busyboxFiles =
    [
        new(ImageKind.Busybox, "busybox program", "busybox", p => p is "usr/bin/busybox" or "bin/busybox", 32L << 20),
    ];

    /// <summary>The packages of a whole pull.</summary>
    public static IReadOnlyList<ImageKind> Kinds { get; } = [.. s_imageFiles.Concat(s_busyboxFiles).Select(w => w.Kind)];

    private sealed record Wanted(ImageKind Kind, string What, string Stem, Func<string, bool> Matches, long MaxSize);

    private static bool IsKernel(string path) =>
        path.StartsWith("boot/vmlinux-", StringComparison.Ordinal) || path.StartsWith("boot/vmlinuz-", StringComparison.Ordinal)
        || IsOfModules(path, "vmlinuz");

    private static bool IsConfig(string path) => path.StartsWith("boot/config-", StringComparison.Ordinal) || IsOfModules(path, "config");

    /// <summary>usr/lib/modules/RELEASE/NAME, with or without the usr.</summary>
    private static bool IsOfModules(string path, string name)
    {
        var parts = path.Split('/');
        return parts[0] == "usr" ? IsIt(parts[1..]) : IsIt(parts);

        bool IsIt(string[] p) => p is ["lib", "modules", not "", var last] && last == name;
    }

    /// <summary>The kinds of entry that a package yields.</summary>
    public static IEnumerable<ImageKind> KindsOf(ArchivePackage package) => FilesOf(package).Select(w => w.Kind);

    /// <summary>The kernel's release, out of its package's name.</summary>
    public static string KernelRelease(string package)
    {
        var stem = ((string[])[ImageStem, BinaryStem, BaseStem]).FirstOrDefault(s => package.StartsWith(s, StringComparison.Ordinal));
        return package[(stem?.Length ?? 0)..];
    }

    /// <summary>Takes the needed files out of a checked package and puts each in the content directory.</summary>
    /// <param name="deb">The package's file, whose digest was checked.</param>
    /// <exception cref="ImageException">The package is not what the index says, lacks a file, or the cache cannot hold it.</exception>
    public IReadOnlyList<ImageEntry> Extract(string deb, ArchivePackage package, CancellationToken cancellation)
    {
        var files = FilesOf(package);
        string[] temporaries = [.. files.Select(_ => CacheDirectory.TemporaryFor(cache.ContentFile("x")))];
        try
        {
            using (var stream = OpenDeb(deb))
            {
                DebPackage.Extract(
                    stream,
                    control => CheckControl(control, package),
                    [.. files.Select((w, i) => new DebWanted(w.What, w.Matches, w.MaxSize, () => cache.OpenAppend(temporaries[i])))],
                    cancellation);
            }
            return [.. files.Select((w, i) => Enter(w, temporaries[i], package))];
        }
        finally
        {
            foreach (var temporary in temporaries)
                CacheDirectory.TryDelete(temporary);
        }
    }

    private ImageEntry Enter(Wanted wanted, string temporary, ArchivePackage package)
    {
        GuestFiles.Check(wanted.Kind, temporary);
        long size;
        string digest;
        using (var file = File.OpenRead(temporary))
        {
            size = file.Length;
            digest = Sha256Text.Of(file);
        }
        var version = wanted.Kind == ImageKind.Busybox ? package.Version : KernelRelease(package.Name);
        var name = RelativePath.ToName($"{wanted.Stem}-{version}-{digest[..12]}");
        CacheDirectory.Publish(temporary, cache.ContentFile(name));
        return new ImageEntry(wanted.Kind, package.Name, package.Version, name, size, digest, package.Sha256);
    }

    private static Wanted[] FilesOf(ArchivePackage package) => package.Name switch
    {
        BusyboxPackage => s_busyboxFiles,
        var name when name.StartsWith(BinaryStem, StringComparison.Ordinal) => s_binaryFiles,
        var name when name.StartsWith(BaseStem, StringComparison.Ordinal) => s_baseFiles,
        _ => s_imageFiles,
    };

    private static void CheckControl(Stanza control, ArchivePackage package)
    {
        if (control["Package"] != package.Name || control["Version"] != package.Version || control["Architecture"] != Architecture)
        {
            throw ImageException.Corrupt(
                $"the package {package.Name} is not what the mirror's index calls by this name; try another mirror with --mirror");
        }
    }

    private static FileStream OpenDeb(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 17);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw CacheErrors.Translate(e, path);
        }
    }
}
