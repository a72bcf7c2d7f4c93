using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// The physical memory of all guests of a process: page frames by number, in one reserved mapping that the host commits at
/// first touch. Frames come in blocks of 512 (2 MiB, aligned); single frames are taken from split blocks. Frames are reference counted.
/// Freed memory goes back to the host in batches, and which free frames are known to read zero is remembered.
/// </summary>
public sealed unsafe partial class FramePool : IDisposable
{
    public const int PageShift = 12;
    public const int PageSize = 1 << PageShift;

    /// <summary>Frames in a block: 2 MiB.</summary>
    public const int BlockFrames = 512;

    /// <summary>Base-two logarithm of <see cref="BlockFrames"/>, the order of a huge mapping.</summary>
    public const int BlockOrder = 9;

    private readonly FrameInfo* _info;
    private readonly byte* _reservation;
    private readonly nuint _reservedBytes;
    private readonly Lock _disposeLock = new();
    private readonly List<IFrameHolder> _holders = [];
    private readonly LockMap _reclaim = new(HostMemoryLocks.Reclaim);
    private bool _disposed;

    /// <param name="maxBytes">Most memory the pool may ever hold: only address space until used. Rounded up to 2 MiB; at least 4 MiB,
    /// at most 8 TiB less one block.</param>
    /// <param name="hostHugePages">Lets the host commit 2 MiB at a time: fewer host faults and TLB misses, but a touched page may
    /// cost 2 MiB. By default residency equals what is touched.</param>
    /// <exception cref="ReservationException">The host grants no such address space.</exception>
    public FramePool(long maxBytes, bool hostHugePages = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxBytes, (1L << 43) - BlockBytes);
        _blockCount = Math.Max(2, (int)((maxBytes + BlockBytes - 1) / BlockBytes));
        Capacity = _blockCount * BlockFrames;
        var frameBytes = (nuint)_blockCount * BlockBytes;
        var infoBytes = (nuint)Capacity * (nuint)sizeof(FrameInfo);
        var blockBytes = (nuint)_blockCount * (nuint)sizeof(Block);
        _reservedBytes = frameBytes + BlockBytes + infoBytes + blockBytes + BlockBytes;
        _reservation = HostOs.Reserve(_reservedBytes, hostHugePages);
        Base = (byte*)(((nuint)_reservation + BlockBytes - 1) & ~(nuint)(BlockBytes - 1));
        _info = (FrameInfo*)(Base + frameBytes);
        _blocks = (Block*)((byte*)_info + ((infoBytes + 63) & ~(nuint)63));
        StartFreeLists();
    }

    /// <summary>Address of frame 0, which is never handed out; aligned to 2 MiB.</summary>
    public byte* Base { get; }

    /// <summary>Number of frame numbers; the valid ones are 1 to <see cref="Capacity"/> - 1.</summary>
    public int Capacity { get; }

    /// <summary>Frames with references.</summary>
    public long FramesInUse => Volatile.Read(ref _inUse);

    /// <summary>Free frames whose memory the pool keeps for reuse, at most <see cref="KeepLimit"/> after a trim.</summary>
    public long FramesKept => Volatile.Read(ref _dirtyFree);

    /// <summary>Frames whose memory was given back to the host so far.</summary>
    public long FramesReturned => Volatile.Read(ref _returned);

    /// <summary>Blocks handed out whole so far.</summary>
    public long BlocksAllocated => Volatile.Read(ref _blocksAllocated);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Pointer(Pfn pfn) => Base + ((nuint)(uint)pfn.Value << PageShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref FrameInfo Info(Pfn pfn) => ref _info[(nuint)(uint)pfn.Value];

    /// <summary>
    /// Where a frame's <see cref="FrameInfo.CodeState"/> is. Arithmetic only: a walk that needs no more must not miss the cache for the
    /// frame's metadata.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int* CodeStateOf(Pfn pfn) => (int*)((byte*)_info + ((nuint)(uint)pfn.Value * FrameInfo.Bytes + FrameInfo.CodeStateOffset));

    /// <summary>A frame of zeros with one reference.</summary>
    /// <exception cref="OutOfFramesException">The pool is exhausted.</exception>
    /// <exception cref="OutOfBudgetException">The budget is.</exception>
    public Pfn AllocateZeroed(MemoryBudget? budget)
    {
        var status = TryAllocate(budget, zeroed: true, out var pfn);
        if (status == AllocationStatus.Ok)
            return pfn;
        throw status == AllocationStatus.OutOfBudget ? new OutOfBudgetException(budget!) : new OutOfFramesException();
    }

    /// <summary>
    /// A block of <see cref="BlockFrames"/> frames of zeros, aligned, each with one reference of its own, so that they can be put
    /// one by one; the first, or none when no whole block is free or the budget does not hold one.
    /// </summary>
    public Pfn AllocateBlock(MemoryBudget? budget)
    {
        MayReclaim();
        if (budget is not null && !budget.TryCharge(BlockBytes))
            return Pfn.None;
        var block = TakeWholeBlock();
        if (block < 0)
        {
            budget?.Uncharge(BlockBytes);
            return Pfn.None;
        }

        var first = new Pfn(block * BlockFrames);
        var owner = budget?.Id ?? 0;
        for (var i = 0; i < BlockFrames; i++)
        {
            ref var info = ref Info(first + i);
            info.Budget = owner;
            info.Flags = 0;
            Atomics.Write(ref info.RefCount, 1);
            Check.Mark(HostMemoryMarks.FrameAllocated, this, first.Value + i);
        }

        return first;
    }

    /// <summary>Takes another reference to a frame the caller already holds one of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Get(Pfn pfn) => Atomics.Increment(ref Info(pfn).RefCount);

    /// <summary>Takes a reference unless the frame is free. The caller then looks again whether it still means this frame.</summary>
    internal bool TryGet(Pfn pfn)
    {
        ref var count = ref Info(pfn).RefCount;
        var seen = Atomics.Read(ref count);
        while (seen > 0)
        {
            var found = Atomics.CompareExchange(ref count, seen + 1, seen);
            if (found == seen)
                return true;
            seen = found;
        }

        return false;
    }

    /// <summary>Drops a reference; the last one frees the frame and makes code decoded from it stale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(Pfn pfn)
    {
        if (Atomics.Decrement(ref Info(pfn).RefCount) == 0)
            FreeOne(pfn);
    }

    /// <summary>Unmaps everything. No frame may be in use, nor touched, any more.</summary>
    public void Dispose()
    {
        IFrameHolder[] holders;
        lock (_disposeLock)
        {
            if (_disposed)
                return;
            _disposed = true;
            holders = [.. _holders];
            _holders.Clear();
        }

        foreach (var holder in holders)
            holder.ForgetPool(this);
        HostOs.Unreserve(_reservation, _reservedBytes);
        GC.SuppressFinalize(this);
    }

    ~FramePool()
    {
        // Nobody can reach a frame without reaching the pool. Null when the constructor failed.
        if (_reservation != null)
            HostOs.Unreserve(_reservation, _reservedBytes);
    }

    /// <summary>Registers a cache whose frames must be dropped before the memory goes away.</summary>
    internal void AddHolder(IFrameHolder holder)
    {
        lock (_disposeLock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _holders.Add(holder);
        }
    }

    internal void RemoveHolder(IFrameHolder holder)
    {
        lock (_disposeLock)
            _holders.Remove(holder);
    }

    internal AllocationStatus TryAllocate(MemoryBudget? budget, bool zeroed, out Pfn pfn)
    {
        pfn = Pfn.None;
        MayReclaim();
        if (budget is not null && !budget.TryCharge(PageSize))
            return AllocationStatus.OutOfBudget;
        pfn = TakeFrame(out var isZero);
        if (pfn.IsNone)
        {
            budget?.Uncharge(PageSize);
            return AllocationStatus.OutOfFrames;
        }

        if (zeroed && !isZero)
            NativeMemory.Clear(Pointer(pfn), PageSize);
        ref var info = ref Info(pfn);
        info.Budget = budget?.Id ?? 0;
        info.Flags = 0;
        Atomics.Write(ref info.RefCount, 1);
        Check.Mark(HostMemoryMarks.FrameAllocated, this, pfn.Value);
        return AllocationStatus.Ok;
    }

    /// <summary>Drops one reference of each of <paramref name="count"/> frames that lie in one block.</summary>
    internal void PutRange(Pfn first, int count)
    {
        var freed = default(FrameSet);
        var any = false;
        for (var i = 0; i < count; i++)
        {
            if (Atomics.Decrement(ref Info(first + i).RefCount) == 0)
            {
                Retire(first + i);
                freed.Add((first + i).IndexInBlock);
                any = true;
            }
        }

        if (any)
            GiveBack(first.Value / BlockFrames, freed);
    }

    /// <summary>
    /// Says that an allocation may take frames from others, which invalidates their mappings: the caller holds nothing that this could
    /// need.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MayReclaim()
    {
        _reclaim.Enter(LockMode.Exclusive);
        _reclaim.Leave(LockMode.Exclusive);
    }

    private void FreeOne(Pfn pfn)
    {
        Retire(pfn);
        GiveBackOne(pfn);
    }

    private void Retire(Pfn pfn)
    {
        ref var info = ref Info(pfn);
        Check.Mark(HostMemoryMarks.FrameFreed, this, pfn.Value);
        Atomics.Write(ref info.CodeState, FrameInfo.NextGeneration(Atomics.Read(ref info.CodeState)));
        if (info.Budget != 0)
        {
            MemoryBudget.Of(info.Budget).Uncharge(PageSize);
            info.Budget = 0;
        }
    }
}

/// <summary>How an allocation of frames ended.</summary>
internal enum AllocationStatus
{
    Ok,
    OutOfFrames,
    OutOfBudget,
}

/// <summary>A cache that keeps frames and must let go of them when their pool is disposed.</summary>
internal interface IFrameHolder
{
    void ForgetPool(FramePool pool);
}
