using Warren.Images.Archive;

namespace Warren.Images.Cache;

/// <summary>Initramfs files in the cache, each named by its own digest.</summary>
internal sealed class InitramfsCache(CacheDirectory cache)
{
    private const string Prefix = "initramfs-";
    private const string Suffix = ".cpio";

    /// <summary>Every initramfs, as its name records it, the one used last first.</summary>
    public IEnumerable<ImageEntry> List() =>
        from file in CacheDirectory.FilesIn(cache.Content)
        where file.Name.StartsWith(Prefix, StringComparison.Ordinal) && file.Name.EndsWith(Suffix, StringComparison.Ordinal)
        let digest = file.Name[Prefix.Length..^Suffix.Length]
        where Sha256Text.IsValid(digest)
        orderby file.LastWriteTimeUtc descending, file.Name
        select new ImageEntry(ImageKind.Initramfs, "initramfs", "", file.Name, file.Length, digest, "");

    /// <summary>The path of a file with exactly these bytes; one of that name with others is made anew, and said to be.</summary>
    /// <exception cref="ImageException">There is none yet and none can be written.</exception>
    public string Get(byte[] archive, IProgress<PullProgress>? progress)
    {
        var path = cache.ContentFile(Prefix + Sha256Text.Of(archive) + Suffix);
        if (Holds(path, archive))
        {
            Touch(path);
            return path;
        }
        if (File.Exists(path))
            progress?.Report(new PullProgress($"the cached initramfs {path} is damaged; it is made anew", 0, 0));
        cache.Create();
        cache.WriteAtomically(path, archive);
        return path;
    }

    private static bool Holds(string path, byte[] archive)
    {
        try
        {
            FileInfo file = new(path);
            return file.Exists && file.Length == archive.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(archive);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            return false;
        }
    }

    // The time tells pruning which one was used last; a cache that is only readable serves all the same.
    private static void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
        }
    }
}
