namespace Warren.HostMemory;

/// <summary>
/// A file that can be mapped. Its pages are read on demand into frames and shared by every mapping of the process, whichever
/// handle they came from: the cache is keyed by the file itself (device, inode, change time), so a file replaced or rewritten since is
/// another one. Never mapped by the host: a file truncated by others costs zeros or an I/O error, not a signal.
/// </summary>
public sealed class FileImage : IDisposable
{
    private int _disposed;

    private FileImage(FileCache cache, string path)
    {
        Cache = cache;
        Length = cache.Length;
        Path = path;
    }

    public string Path { get; }

    /// <summary>Length in bytes when it was opened.</summary>
    public long Length { get; }

    internal FileCache Cache
    {
        get
        {
            ObjectDisposedException.ThrowIf(System.Threading.Volatile.Read(ref _disposed) != 0, this);
            return field;
        }
    }

    /// <summary>
    /// True when a path leads to an ordinary file. A pipe nobody writes to is opened for ever, and opening a device can do anything. A path
    /// that leads nowhere, or may not be looked at, counts as ordinary: opening it says what is wrong.
    /// </summary>
    public static bool IsOrdinary(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return HostOs.IsRegularFile(path);
    }

    /// <exception cref="HostMemoryException">ENOENT, EACCES or EIO, with the reason.</exception>
    public static FileImage Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return new FileImage(FileCache.Acquire(path), path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new HostMemoryException(Errno.ENOENT, $"there is no file {path}; check the path.", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new HostMemoryException(Errno.EACCES, $"{path} cannot be read; it must be a regular file you may read.", e);
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            throw new HostMemoryException(Errno.EIO, $"{path} cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Mappings made from it stay.</summary>
    public void Dispose()
    {
        var cache = _disposed == 0 ? Cache : null;
        if (System.Threading.Interlocked.Exchange(ref _disposed, 1) == 0)
            cache?.Release();
    }
}
