using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// The page cache of one file in one pool: page number to frame, in chunks that appear when first needed. A cached frame holds
/// a reference of the cache until the file's last user is gone, and is never written: it is what the file said when it was first read.
/// </summary>
internal sealed unsafe class FilePages(FileCache cache, FramePool pool)
{
    private const int ChunkShift = 9;

    private readonly int[]?[] _chunks =
        new int[]?[(((cache.Length + FramePool.PageSize - 1) >> FramePool.PageShift) + (1 << ChunkShift) - 1) >> ChunkShift];
    private long _cached;
    private Exception? _readError;

    internal long PageCount => (cache.Length + FramePool.PageSize - 1) >> FramePool.PageShift;

    internal long Cached => Volatile.Read(ref _cached);

    /// <summary>The last failure of a read; null while there was none, and where the file only ended too early.</summary>
    internal Exception? ReadError => Volatile.Read(ref _readError);

    internal void AddUser() => cache.AddUser();

    internal void DropUser() => cache.Release();

    /// <summary>
    /// The frame of a page, read from the file if need be; the caller gets no reference, the frame stays while its mapping does. Blocks on
    /// the disk. IoError: beyond the end of the file, or unreadable.
    /// </summary>
    internal FaultStatus Get(long page, out Pfn pfn)
    {
        pfn = Pfn.None;
        if ((ulong)page >= (ulong)PageCount)
            return FaultStatus.IoError;
        ref var chunkRef = ref _chunks[page >> ChunkShift];
        var chunk = Atomics.Read(ref chunkRef, _chunks);
        if (chunk is null)
        {
            var made = new int[1 << ChunkShift];
            chunk = Atomics.CompareExchange(ref chunkRef, made, null, _chunks) ?? made;
        }

        ref var entry = ref chunk[page & ((1 << ChunkShift) - 1)];
        pfn = new Pfn(Atomics.Read(ref entry, chunk));
        return !pfn.IsNone ? FaultStatus.Ok : Fill(page, chunk, ref entry, out pfn);
    }

    /// <summary>Puts every cached frame. Nobody maps them any more.</summary>
    internal void Drop()
    {
        for (var i = 0; i < _chunks.Length; i++)
        {
            var chunk = Atomics.Exchange(ref _chunks[i], null, _chunks);
            if (chunk is null)
                continue;
            foreach (var number in chunk)
            {
                if (number != 0)
                    pool.Put(new Pfn(number));
            }
        }

        Volatile.Write(ref _cached, 0);
    }

    private FaultStatus Fill(long page, int[] chunk, ref int entry, out Pfn pfn)
    {
        if (pool.TryAllocate(null, zeroed: false, out pfn) != AllocationStatus.Ok)
            return FaultStatus.OutOfMemory;
        var bytes = new Span<byte>(pool.Pointer(pfn), FramePool.PageSize);
        if (!TryRead(page << FramePool.PageShift, bytes))
        {
            pool.Put(pfn);
            pfn = Pfn.None;
            return FaultStatus.IoError;
        }

        var other = Atomics.CompareExchange(ref entry, pfn.Value, 0, chunk);
        if (other == 0)
        {
            Interlocked.Increment(ref _cached);
            return FaultStatus.Ok;
        }

        // Another thread read the same page first.
        pool.Put(pfn);
        pfn = new Pfn(other);
        return FaultStatus.Ok;
    }

    /// <summary>
    /// Reads a page, zeros past the end of the file; false when nothing of it is left (truncated since) or it is unreadable.
    /// </summary>
    private bool TryRead(long offset, Span<byte> page)
    {
        var done = 0;
        Check.MightWait(WaitContext.Block);
        try
        {
            while (done < page.Length)
            {
                var count = RandomAccess.Read(cache.Handle, page[done..], offset + done);
                if (count == 0)
                    break;
                done += count;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Volatile.Write(ref _readError, e);
            return false;
        }

        page[done..].Clear();
        return done > 0;
    }
}
