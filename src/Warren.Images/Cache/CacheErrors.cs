namespace Warren.Images.Cache;

/// <summary>Turns what the file system says of the cache into one sentence.</summary>
internal static class CacheErrors
{
    // Raw errno values, which .NET on Unix hands over as HResult.
    private const int FileTooBig = 27;
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    public static bool IsFileSystemError(Exception e) => e is IOException or UnauthorizedAccessException;

    /// <param name="e">Satisfies <see cref="IsFileSystemError"/>.</param>
    /// <param name="path">The file or directory that was to be written.</param>
    public static ImageException Translate(Exception e, string path)
    {
        if (e is IOException { HResult: NoSpace or QuotaExceeded or FileTooBig })
        {
            return new ImageException(ImageError.NoSpace,
                $"there is no space left for {path}; free some, run `warren image prune`, or point XDG_CACHE_HOME to a larger disk", e);
        }
        return new ImageException(ImageError.CacheUnwritable,
            $"the cache file {path} cannot be written ({Reason(e)}); correct its permissions or point XDG_CACHE_HOME to a writable "
                + $"directory", e);
    }

    /// <param name="e">Satisfies <see cref="IsFileSystemError"/>.</param>
    public static string Reason(Exception e) => e switch
    {
        UnauthorizedAccessException => "permission denied",
        { HResult: 30 } => "read-only file system",
        { HResult: 20 or 2 } or DirectoryNotFoundException => "no such directory",
        _ => e.Message.TrimEnd('.'),
    };
}
