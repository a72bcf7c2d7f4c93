using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>The records of one VM's shadow pages, in native chunks that go back when the VM dies.</summary>
/// <param name="pagesLock">a leaf spinlock, the one of the VM's table pages</param>
internal sealed unsafe class ShadowPagePool(SpinLock pagesLock) : IDisposable
{
    private const nuint ChunkSize = 48 << 10;
    private static readonly int PagesPerChunk = (int)(ChunkSize / (nuint)sizeof(ShadowPage)) - 1;

    private ShadowPage* _free;
    private ShadowPage* _chunks;
    private int _chunkCount;

    /// <summary>Native memory held.</summary>
    public long Bytes => Atomics.Read(ref _chunkCount, this) * (long)ChunkSize;

    /// <summary>A zeroed record; null when the host has no memory for another chunk. No spinning lock held.</summary>
    public ShadowPage* TryAllocate()
    {
        for (; ; )
        {
            pagesLock.Lock();
            var page = _free;
            if (page != null) _free = page->HashNext;
            pagesLock.Unlock();
            if (page != null)
            {
                Check.Mark(LockingMarks.Reused, this, (nint)page, sizeof(ShadowPage));
                *page = default;
                return page;
            }
            if (!TryAddChunk()) return null;
        }
    }

    public void Free(ShadowPage* page)
    {
        Check.Mark(LockingMarks.Retired, this, (nint)page, sizeof(ShadowPage));
        pagesLock.Lock();
        page->HashNext = _free;
        _free = page;
        pagesLock.Unlock();
    }

    public void Dispose()
    {
        while (_chunks != null)
        {
            var next = _chunks->HashNext;
            NativeBlock.AlignedFree(_chunks);
            _chunks = next;
        }
        _free = null;
        _chunkCount = 0;
    }

    private bool TryAddChunk()
    {
        ShadowPage* chunk;
        try
        {
            chunk = (ShadowPage*)NativeMemory.AlignedAlloc(ChunkSize, 64);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
        Check.Mark(LockingMarks.Reused, this, (nint)chunk, (long)ChunkSize);
        pagesLock.Lock();
        // The first record's place links the chunks.
        chunk->HashNext = _chunks;
        _chunks = chunk;
        Atomics.Write(ref _chunkCount, _chunkCount + 1, this);
        for (var i = 1; i <= PagesPerChunk; i++)
        {
            chunk[i].HashNext = _free;
            _free = chunk + i;
        }
        pagesLock.Unlock();
        return true;
    }
}
