using Warren.Images.Archive;

namespace Warren.Images.Cache;

/// <summary>Initramfs files in the cache, each named by its own digest.</summary>
internal sealed class InitramfsCache(CacheDirectory cache)
{
    public const string Prefix = "initramfs-";

    /// <summary>The path of a file with exactly these bytes.</summary>
    /// <exception cref="ImageException">There is none yet and none can be written.</exception>
    public string Get(byte[] archive)
    {
        string path = cache.ContentFile(Prefix + Sha256Text.Of(archive) + ".cpio");
        if (Holds(path, archive))
        {
            Touch(path);
            return path;
        }
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
