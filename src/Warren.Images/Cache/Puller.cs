using System.IO.Compression;
using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Compression;
using Warren.Images.Transfer;

namespace Warren.Images.Cache;

/// <summary>One pull, with the cache's lock held: signed release, package index, packages, files, manifest.</summary>
internal sealed class Puller(CacheDirectory cache, ImageStoreOptions options, IReleaseVerifier verifier, IProgress<PullProgress>? progress)
{
    private const int MaxRelease = 4 << 20;
    private const long MaxIndex = 256L << 20;

    private readonly GuestPackages _packages = new(cache);

    /// <exception cref="ImageException">Anything that keeps the guest's files from being there, whole and checked.</exception>
    public async Task<(ImagePull Pull, bool Changed, long Received)> RunAsync(CancellationToken cancellation)
    {
        // What is wrong with the cache is said before the mirror has its chance to be unreachable.
        var manifest = Manifest.LoadOrEmpty(cache, progress);
        var whole = ReportDamage(manifest.Newest);
        var mirror = MirrorLocator.Locate(options.Mirror);
        using MirrorClient client = new(mirror, options.Transfer.Silence);
        Downloader downloader = new(client, cache, options.Transfer);

        progress?.Report(new PullProgress($"release of {options.Suite}", 0, 0));
        var suitePath = $"dists/{options.Suite}/";
        var signed = await downloader.GetSmallAsync(suitePath + "InRelease", MaxRelease, cancellation)
            .ConfigureAwait(false);
        var text = await verifier.VerifyAsync(signed, cancellation).ConfigureAwait(false);
        var release = ReleaseFile.Parse(text, options.Suite, GuestPackages.Architecture, options.Clock.GetUtcNow());

        if (whole && manifest.Newest is { } newest && newest.ReleaseDigest == release.Digest && newest.Suite == options.Suite)
            return (newest, false, downloader.Received);

        var index = await FetchIndexAsync(downloader, suitePath, release, cancellation).ConfigureAwait(false);
        var kernel = index.ResolveKernel(GuestPackages.KernelMetapackage, GuestPackages.Architecture);
        var busybox = index.Require(GuestPackages.BusyboxPackage);
        List<ImageEntry> entries = [];
        var changed = false;
        foreach (var package in (ArchivePackage[])[.. kernel, busybox])
        {
            IReadOnlyList<ImageEntry>? have = FindWhole(manifest, package);
            changed |= have == null;
            entries.AddRange(have ?? await FetchPackageAsync(downloader, package, cancellation).ConfigureAwait(false));
        }

        ImagePull pull = new(options.Clock.GetUtcNow(), mirror.Root.ToString(), options.Suite, release.Version, release.Digest, entries);
        manifest.With(pull).Save(cache);
        return (pull, changed, downloader.Received);
    }

    private async Task<PackageIndex> FetchIndexAsync(Downloader downloader, string suitePath, ReleaseFile release,
        CancellationToken cancellation)
    {
        foreach (var suffix in (string[])[".xz", ".gz", ""])
        {
            var name = $"main/binary-{GuestPackages.Architecture}/Packages{suffix}";
            if (!release.TryFind(name, out var sha256, out var size) || size > MaxIndex)
                continue;
            List<string> paths = [suitePath + name];
            if (release.AcquireByHash)
                paths.Insert(0, $"{suitePath}main/binary-{GuestPackages.Architecture}/by-hash/SHA256/{sha256}");
            var partial = cache.PartialFile(sha256);
            await downloader.FetchAsync(paths, size, sha256, partial, "package index", progress, cancellation).ConfigureAwait(false);
            var index = await Task.Run(() => ReadIndex(partial, suffix, cancellation), cancellation).ConfigureAwait(false);
            CacheDirectory.TryDelete(partial);
            return index;
        }
        throw new ImageException(ImageError.NotFound,
            $"the mirror has no {GuestPackages.Architecture} package index for {options.Suite}; try another mirror with --mirror");
    }

    private static PackageIndex ReadIndex(string path, string suffix, CancellationToken cancellation)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 17);
            using Stream plain = suffix switch
            {
                ".xz" => new XzStream(file),
                ".gz" => new GZipStream(file, CompressionMode.Decompress),
                _ => file,
            };
            return PackageIndex.Read(plain, GuestPackages.NamePrefixes, cancellation);
        }
        catch (InvalidDataException e)
        {
            throw new ImageException(ImageError.Corrupt, "the mirror's package index is damaged; try another mirror with --mirror", e);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw CacheErrors.Translate(e, path);
        }
    }

    private async Task<IReadOnlyList<ImageEntry>> FetchPackageAsync(Downloader downloader, ArchivePackage package,
        CancellationToken cancellation)
    {
        var partial = cache.PartialFile(package.Sha256);
        await downloader.FetchAsync(
            [package.Path], package.Size, package.Sha256, partial, package.Name, progress, cancellation).ConfigureAwait(false);
        progress?.Report(new PullProgress($"unpacking {package.Name}", 0, 0));
        var entries = await Task.Run(
            () => _packages.Extract(partial, package, cancellation), cancellation).ConfigureAwait(false);
        CacheDirectory.TryDelete(partial);
        return entries;
    }

    // Files of this very package that an earlier pull left and that are still as recorded.
    private List<ImageEntry>? FindWhole(Manifest manifest, ArchivePackage package)
    {
        foreach (var pull in manifest.Pulls.Reverse())
        {
            List<ImageEntry> entries = [.. pull.Entries.Where(e => e.PackageSha256 == package.Sha256)];
            var all = GuestPackages.KindsOf(package).All(k => entries.Any(e => e.Kind == k));
            if (all && entries.All(e => CacheDirectory.Matches(cache.ContentFile(e.File), e.Size, e.Sha256)))
                return entries;
        }
        return null;
    }

    // Whether everything of the pull is there as recorded; what is not is named.
    private bool ReportDamage(ImagePull? pull)
    {
        if (pull == null)
            return false;
        var whole = GuestPackages.Kinds.All(k => pull.Find(k) != null);
        foreach (var bad in pull.Entries.Select(e => cache.Check(e, current: true)).Where(s => s.IsBad))
        {
            whole = false;
            progress?.Report(new PullProgress($"{bad.Sentence}; it is fetched again", 0, 0));
        }
        return whole;
    }
}
