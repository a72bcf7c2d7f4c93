using System.Threading;

namespace Warren.Images.Cache;

/// <summary>
/// Keeps two <c>warren</c> processes from changing one cache at once: an exclusive lock of the kernel's on a file that is never deleted, so
/// it ends with its holder however that ends.
/// </summary>
internal sealed class CacheLock : IDisposable
{
    private const int WouldBlock = 11;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    private readonly FileStream _file;

    private CacheLock(FileStream file) => _file = file;

    /// <param name="waiting">Called once if another process holds the lock.</param>
    /// <exception cref="ImageException">The lock file cannot be made.</exception>
    public static async Task<CacheLock> AcquireAsync(string path, Action waiting, CancellationToken cancellation)
    {
        var told = false;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return new CacheLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException e) when (e.HResult == WouldBlock)
            {
                if (!told)
                    waiting();
                told = true;
            }
            catch (Exception e) when (CacheErrors.IsFileSystemError(e))
            {
                throw CacheErrors.Translate(e, path);
            }
            await Task.Delay(s_poll, cancellation).ConfigureAwait(false);
        }
    }

    public void Dispose() => _file.Dispose();
}
