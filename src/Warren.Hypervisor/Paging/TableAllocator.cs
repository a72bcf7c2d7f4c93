using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// Table pages of one VM, in native chunks of 256 KiB: the first page of a chunk holds one 64-byte <see cref="TableInfo"/> for each of
/// its 64 pages (its own first record links the chunks), so that a table's metadata is found from its address. Chunks go back when the VM
/// dies.
/// </summary>
/// <remarks>
/// A page is free, handed out, or retired: unlinked from its tree, yet perhaps still read by a lockless walker. Retired pages become free
/// after a grace period of <c>TdpSrcu</c>; vCPUs in guest mode must have been flushed before a page is retired.
/// </remarks>
internal sealed unsafe class TableAllocator : IDisposable
{
    private const int ChunkPages = 64;
    private const nuint PageSize = 4096;
    private const nuint ChunkSize = ChunkPages * PageSize;

    private readonly SpinLock _lock;
    private ulong* _free;
    private ulong* _retired;
    private byte* _chunks;
    private byte* _fresh;
    private byte* _freshEnd;
    private int _inUse;
    private int _chunkCount;

    public TableAllocator(SpinLock tdpPagesLock) => _lock = tdpPagesLock;

    /// <summary>Makes the allocation of the next chunk fail. For tests.</summary>
    internal Func<bool>? FailChunk { get; set; }

    /// <summary>Pages handed out or retired.</summary>
    public int InUse => Atomics.Read(ref _inUse, this);

    /// <summary>Native memory held.</summary>
    public long Bytes => Atomics.Read(ref _chunkCount, this) * (long)ChunkSize;

    public static TableInfo* InfoOf(ulong* table)
    {
        var address = (nuint)table;
        return (TableInfo*)(address & ~(ChunkSize - 1)) + (address & ChunkSize - 1) / PageSize;
    }

    /// <summary>
    /// Makes a page that nobody else knows as good as new, whatever it has been: no entries, and nothing recorded of it. Whatever is handed
    /// out, or kept to be, comes by here.
    /// </summary>
    public static void MakeNew(SpteTable table)
    {
        new Span<byte>(table.Entries, (int)PageSize).Clear();
        table.Info = default;
    }

    /// <summary>A new page, not linked anywhere; null when the host has no memory for another chunk.</summary>
    public SpteTable TryAllocate()
    {
        for (; ; )
        {
            _lock.Lock();
            var page = TakeLocked();
            _lock.Unlock();
            if (page != null)
            {
                Check.Mark(LockingMarks.Reused, this, (nint)page, (long)PageSize);
                MakeNew(new(page));
                return new(page);
            }
            if (!TryAddChunk()) return default;
        }
    }

    /// <summary>Gives back a page nobody else ever saw.</summary>
    public void Free(SpteTable table)
    {
        Check.Mark(LockingMarks.Retired, this, (nint)table.Entries, (long)PageSize);
        _lock.Lock();
        table.Next = _free;
        _free = table.Entries;
        _inUse--;
        _lock.Unlock();
    }

    /// <summary>Gives up a page that lockless walkers may still read.</summary>
    public void Retire(SpteTable table)
    {
        _lock.Lock();
        RetireLocked(table);
        _lock.Unlock();
    }

    /// <summary>As <see cref="Retire"/>, for a caller that holds MmuPagesLock.</summary>
    public void RetireLocked(SpteTable table)
    {
        table.Next = _retired;
        _retired = table.Entries;
    }

    /// <summary>Waits out the walkers and frees what was retired before. May sleep; no lock held.</summary>
    public void Reclaim(Srcu tdpSrcu)
    {
        _lock.Lock();
        var list = _retired;
        _retired = null;
        _lock.Unlock();
        if (list == null) return;
        tdpSrcu.SynchronizeExpedited();
        while (list != null)
        {
            var next = new SpteTable(list).Next;
            Free(new(list));
            list = next;
        }
    }

    public void Dispose()
    {
        while (_chunks != null)
        {
            var next = (byte*)((TableInfo*)_chunks)->Next;
            NativeBlock.AlignedFree(_chunks);
            _chunks = next;
        }
        _free = null;
        _retired = null;
        _fresh = _freshEnd = null;
    }

    /// <summary>
    /// The table that the address lies in, or in whose metadata, then <paramref name="field"/> bytes from its beginning; null: neither. No
    /// step and no lock: while every thread stands still.
    /// </summary>
    internal ulong* TableAt(void* address, out int field)
    {
        field = -1;
        for (var chunk = _chunks; chunk != null; chunk = (byte*)((TableInfo*)chunk)->Next)
        {
            var inside = (nuint)((byte*)address - chunk);
            if (inside >= ChunkSize) continue;
            if (inside >= PageSize) return (ulong*)(chunk + (inside & ~(PageSize - 1)));
            field = (int)(inside % (nuint)sizeof(TableInfo));
            return (ulong*)(chunk + inside / (nuint)sizeof(TableInfo) * PageSize);
        }
        return null;
    }

    private ulong* TakeLocked()
    {
        var page = _free;
        if (page != null)
        {
            _free = new SpteTable(page).Next;
        }
        else if (_fresh != _freshEnd)
        {
            page = (ulong*)_fresh;
            _fresh += PageSize;
        }
        if (page != null) _inUse++;
        return page;
    }

    private bool TryAddChunk()
    {
        if (FailChunk?.Invoke() == true) return false;
        byte* chunk;
        try
        {
            chunk = (byte*)NativeMemory.AlignedAlloc(ChunkSize, ChunkSize);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
        Check.Mark(LockingMarks.Reused, this, (nint)chunk, (long)ChunkSize);
        _lock.Lock();
        // Another thread may have added one meanwhile: what is left of its chunk goes to the free list instead of being lost.
        while (_fresh != _freshEnd)
        {
            InfoOf((ulong*)_fresh)->Next = _free;
            _free = (ulong*)_fresh;
            _fresh += PageSize;
        }
        ((TableInfo*)chunk)->Next = (ulong*)_chunks;
        _chunks = chunk;
        Atomics.Write(ref _chunkCount, _chunkCount + 1, this);
        _fresh = chunk + PageSize;
        _freshEnd = chunk + ChunkSize;
        _lock.Unlock();
        return true;
    }
}
