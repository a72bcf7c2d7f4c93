using System.Diagnostics;
using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The descriptors of one VM, in native chunks that go back when the VM dies. Whoever adds to a chain with <c>mmu_lock</c> held takes from
/// a <see cref="RmapCache"/> that was filled before; whoever removes gives back here.
/// </summary>
/// <param name="pagesLock">a leaf spinlock, the one of the VM's table pages</param>
internal sealed unsafe class RmapPool(SpinLock pagesLock) : IDisposable
{
    private const nuint DescriptorSize = 128;
    private const nuint ChunkSize = 64 << 10;
    private const int DescriptorsPerChunk = (int)(ChunkSize / DescriptorSize) - 1;

    private RmapDescriptor* _free;
    private byte* _chunks;
    private byte* _fresh;
    private byte* _freshEnd;
    private int _chunkCount;
    private int _inUse;

    /// <summary>Makes the allocation of the next chunk fail. For tests.</summary>
    internal Func<bool>? FailChunk { get; set; }

    /// <summary>Descriptors in chains and in caches.</summary>
    public int InUse => Atomics.Read(ref _inUse, this);

    /// <summary>Native memory held.</summary>
    public long Bytes => Atomics.Read(ref _chunkCount, this) * (long)ChunkSize;

    /// <summary>A descriptor with undefined contents; null when the host has no memory for another chunk. No spinning lock held.</summary>
    public RmapDescriptor* TryAllocate()
    {
        Debug.Assert(sizeof(RmapDescriptor) == (int)DescriptorSize);
        for (; ; )
        {
            pagesLock.Lock();
            var descriptor = TakeLocked();
            pagesLock.Unlock();
            if (descriptor != null)
            {
                Check.Mark(LockingMarks.Reused, this, (nint)descriptor, (long)DescriptorSize);
                return descriptor;
            }
            if (!TryAddChunk()) return null;
        }
    }

    public void Free(RmapDescriptor* descriptor)
    {
        Check.Mark(LockingMarks.Retired, this, (nint)descriptor, (long)DescriptorSize);
        pagesLock.Lock();
        descriptor->Next = _free;
        _free = descriptor;
        Shared.Write(ref _inUse, _inUse - 1, this);
        pagesLock.Unlock();
    }

    /// <summary>Frees all chunks, whatever is still in chains.</summary>
    public void Dispose()
    {
        while (_chunks != null)
        {
            var next = *(byte**)_chunks;
            NativeBlock.AlignedFree(_chunks);
            _chunks = next;
        }
        _free = null;
        _fresh = _freshEnd = null;
        _chunkCount = 0;
        _inUse = 0;
    }

    private RmapDescriptor* TakeLocked()
    {
        var descriptor = _free;
        if (descriptor != null)
        {
            _free = descriptor->Next;
        }
        else if (_fresh != _freshEnd)
        {
            descriptor = (RmapDescriptor*)_fresh;
            _fresh += DescriptorSize;
        }
        if (descriptor != null) Shared.Write(ref _inUse, _inUse + 1, this);
        return descriptor;
    }

    private bool TryAddChunk()
    {
        if (FailChunk?.Invoke() == true) return false;
        byte* chunk;
        try
        {
            chunk = (byte*)NativeMemory.AlignedAlloc(ChunkSize, DescriptorSize);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
        Check.Mark(LockingMarks.Reused, this, (nint)chunk, (long)ChunkSize);
        pagesLock.Lock();
        // Another thread may have added one meanwhile: what is left of its chunk goes to the free list instead of being lost.
        for (; _fresh != _freshEnd; _fresh += DescriptorSize)
        {
            ((RmapDescriptor*)_fresh)->Next = _free;
            _free = (RmapDescriptor*)_fresh;
        }
        // The first descriptor's place links the chunks.
        *(byte**)chunk = _chunks;
        _chunks = chunk;
        _fresh = chunk + DescriptorSize;
        _freshEnd = _fresh + DescriptorsPerChunk * (nint)DescriptorSize;
        Shared.Write(ref _chunkCount, _chunkCount + 1, this);
        pagesLock.Unlock();
        return true;
    }
}
