using System.Threading;

namespace Warren.Images.Cache;

/// <summary>Removes from the cache what its newest pull does not need, with the cache's lock held.</summary>
internal sealed class Pruner(CacheDirectory cache)
{
    private readonly List<string> _removed = [];
    private long _bytes;

    /// <exception cref="ImageException">The manifest cannot be read, so that nobody knows what is needed, or not written.</exception>
    public PruneResult Run(CancellationToken cancellation)
    {
        var manifest = Manifest.Load(cache);
        if (manifest.Pulls.Count > 1)
            Manifest.Empty.With(manifest.Newest!).Save(cache);
        HashSet<string> needed = new(manifest.Newest?.Entries.Select(e => e.File) ?? [], StringComparer.Ordinal);
        if (new InitramfsCache(cache).List().FirstOrDefault() is { } initramfs)
            needed.Add(initramfs.File);

        foreach (var file in CacheDirectory.FilesIn(cache.Content).Concat(CacheDirectory.FilesIn(cache.Partial))
            .Concat(CacheDirectory.FilesIn(cache.Root)))
        {
            cancellation.ThrowIfCancellationRequested();
            var ownPlace = file.DirectoryName != cache.Root;
            var temporary = file.Name.StartsWith(CacheDirectory.TemporaryPrefix, StringComparison.Ordinal);
            if (temporary ? !IsBeingWritten(file) : ownPlace && !needed.Contains(file.Name))
                Remove(file);
        }
        return new PruneResult(_removed, _bytes);
    }

    private void Remove(FileInfo file)
    {
        var bytes = CacheDirectory.TryDelete(file.FullName);
        if (File.Exists(file.FullName))
            return;
        _bytes += bytes;
        _removed.Add(Path.GetRelativePath(cache.Root, file.FullName));
    }

    // Whoever writes a temporary file holds it locked, even without the cache's lock.
    private static bool IsBeingWritten(FileInfo file)
    {
        try
        {
            using FileStream probe = new(file.FullName, FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            return true;
        }
    }
}
