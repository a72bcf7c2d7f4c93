using System.Net;
using System.Threading;
using Warren.Images.Cache;

namespace Warren.Images.Transfer;

/// <summary>
/// Fetches files of known size and digest into partial files that a later run can continue, and small unknown ones into memory.
/// </summary>
internal sealed class Downloader(MirrorClient client, CacheDirectory cache, TransferOptions options)
{
    private const int BufferSize = 1 << 17;

    /// <summary>Bytes received over the network so far.</summary>
    public long Received { get; private set; }

    /// <summary>Fetches a file of unknown size into memory.</summary>
    /// <param name="limit">Largest size accepted, in bytes.</param>
    /// <exception cref="ImageException">The mirror cannot be reached, lacks the file, or sends too much.</exception>
    public Task<ReadOnlyMemory<byte>> GetSmallAsync(string path, int limit, CancellationToken cancellation)
    {
        return RetryAsync(() => 0, async () =>
        {
            using var response = await client.GetAsync(path, 0, cancellation).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
                throw NotFound(path);
            var length = response.Content.Headers.ContentLength;
            var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            var buffer = new byte[limit + 1];
            var total = 0;
            int count;
            while (total < buffer.Length
                && (count = await client.ReadAsync(body, buffer.AsMemory(total), cancellation).ConfigureAwait(false)) > 0)
            {
                total += count;
            }
            Received += total;
            if (total > limit)
                throw ImageException.Corrupt($"the mirror {client.Host} sends an endless {path}; try another mirror with --mirror");
            if (length != null && length != total)
                throw new TransientException("it broke off in the middle of a file");
            return new ReadOnlyMemory<byte>(buffer, 0, total);
        }, cancellation);
    }

    /// <summary>
    /// Fetches a file into <paramref name="partial"/>, continuing what is there, until its size and digest are right. The file stays
    /// where it is: complete and checked on return, and resumable or absent when this throws.
    /// </summary>
    /// <param name="paths">Where the mirror may have it, in order of preference.</param>
    /// <param name="what">For progress and messages.</param>
    /// <exception cref="ImageException">The mirror cannot be reached, lacks the file or sends another; or the cache cannot hold
    /// it.</exception>
    public async Task FetchAsync(
        IReadOnlyList<string> paths, long size, string sha256, string partial, string what,
        IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var path = 0;
        while (true)
        {
            var before = LengthOf(partial);
            if (before > size)
            {
                CacheDirectory.TryDelete(partial);
                before = 0;
            }
            if (before < size)
            {
                path = await RetryAsync(
                    () => LengthOf(partial),
                    () => AppendAsync(paths, path, size, partial, what, progress, cancellation),
                    cancellation).ConfigureAwait(false);
            }
            progress?.Report(new PullProgress(what, size, size));
            if (await Task.Run(() => CacheDirectory.Matches(partial, size, sha256), cancellation).ConfigureAwait(false))
                return;

            // Perhaps only what an earlier run or another mirror left was wrong; what came whole from this one is its own.
            CacheDirectory.TryDelete(partial);
            if (before == 0 || LengthOf(partial) > 0)
            {
                throw ImageException.Corrupt(
                    $"what the mirror {client.Host} sends as {what} does not have the SHA-256 of the signed index; try another mirror "
                        + $"with --mirror");
            }
        }
    }

    // One request. Returns the index of the path that the mirror has.
    private async Task<int> AppendAsync(
        IReadOnlyList<string> paths, int path, long size, string partial, string what,
        IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var from = LengthOf(partial);
        var response = await client.GetAsync(paths[path], from, cancellation).ConfigureAwait(false);
        while (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
        {
            response.Dispose();
            if (++path == paths.Count)
                throw NotFound(paths[0]);
            response = await client.GetAsync(paths[path], from, cancellation).ConfigureAwait(false);
        }
        using (response)
        {
            var continues = response.StatusCode == HttpStatusCode.PartialContent;
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable
                || (continues && response.Content.Headers.ContentRange?.From != from))
            {
                CacheDirectory.TryDelete(partial);
                throw new TransientException("it cannot continue a file");
            }
            if (!continues)
            {
                // The server ignores ranges and sends the whole file.
                CacheDirectory.TryDelete(partial);
                from = 0;
            }
            if (response.Content.Headers.ContentLength is { } length && from + length != size)
                throw WrongSize(what);
            var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await CopyAsync(body, from, size, partial, what, progress, cancellation).ConfigureAwait(false);
            return path;
        }
    }

    private async Task CopyAsync(
        Stream body, long from, long size, string partial, string what,
        IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        var buffer = new byte[BufferSize];
        var step = Math.Max(size / 200, BufferSize);
        var reported = from;
        progress?.Report(new PullProgress(what, from, size));
        using var output = cache.OpenAppend(partial);
        int count;
        while ((count = await client.ReadAsync(body, buffer, cancellation).ConfigureAwait(false)) > 0)
        {
            Received += count;
            if (from + count > size)
                throw WrongSize(what);
            output.Write(buffer, 0, count);
            from += count;
            if (from - reported >= step)
            {
                reported = from;
                progress?.Report(new PullProgress(what, from, size));
            }
        }
        if (from < size)
            throw new TransientException("it broke off in the middle of a file");
    }

    private async Task<T> RetryAsync<T>(Func<long> position, Func<Task<T>> attempt, CancellationToken cancellation)
    {
        var failures = 0;
        var furthest = position();
        while (true)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (TransientException e)
            {
                failures = position() > furthest ? 1 : failures + 1;
                furthest = Math.Max(furthest, position());
                if (failures > options.Retries)
                {
                    throw new ImageException(ImageError.Network,
                        $"the mirror {client.Host} cannot be read: {e.Message}; check the network, try again later, or name another "
                            + $"mirror with --mirror", e);
                }
            }
            await Task.Delay(options.FirstDelay * (1 << (failures - 1)), cancellation).ConfigureAwait(false);
        }
    }

    private ImageException NotFound(string path) =>
        new(ImageError.NotFound,
            $"the mirror {client.Host} does not have {path} (HTTP status 404); check its URL, try again later, or name another mirror "
                + $"with --mirror");

    private ImageException WrongSize(string what) =>
        ImageException.Corrupt(
            $"what the mirror {client.Host} sends as {what} does not have the size of the signed index; try again later, or another "
                + $"mirror with --mirror");

    private static long LengthOf(string path)
    {
        FileInfo file = new(path);
        return file.Exists ? file.Length : 0;
    }
}
