using System.Runtime.InteropServices;
using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// The free lists. A block is fresh (never used, above the watermark), whole (all frames free and known zero), or split: then
/// it has a set of free frames and, among them, those known to be zero. Split blocks with a free frame form a list.
/// Freed frames keep their memory, ready for reuse at the price of clearing, until more than <see cref="KeepLimit"/> of
/// them are free: then their memory goes back to the host, block by block, and they count as zero again.
/// </summary>
public sealed unsafe partial class FramePool
{
    /// <summary>Freed frames kept with their memory before a batch of them is returned to the host: 16 MiB.</summary>
    public const int KeepLimit = 4096;

    private const int BlockBytes = BlockFrames * PageSize;

    private readonly Locking.SpinLock _lock = new(HostMemoryLocks.FramePool);
    private readonly Block* _blocks;
    private readonly int _blockCount;
    private int _fresh;
    private int _whole = -1;
    private int _split = -1;
    private long _inUse;
    private long _dirtyFree;
    private long _returned;
    private long _blocksAllocated;

    /// <summary>Gives the memory of all free frames back to the host now.</summary>
    public void Trim() => ReturnToHost(0);

    private void StartFreeLists()
    {
        // Block 0 is split from the start: frame 0 is nobody's.
        _fresh = 1;
        ref var zero = ref _blocks[0];
        zero.Free.Fill();
        zero.Free.Remove(0);
        zero.Zero = zero.Free;
        zero.FreeCount = BlockFrames - 1;
        LinkSplit(0);
    }

    private Pfn TakeFrame(out bool isZero)
    {
        _lock.Lock();
        var b = _split;
        if (b < 0)
        {
            b = TakeWholeLocked();
            if (b < 0)
            {
                _lock.Unlock();
                isZero = false;
                return Pfn.None;
            }

            ref var opened = ref _blocks[b];
            opened.Free.Fill();
            opened.Zero.Fill();
            opened.FreeCount = BlockFrames;
            LinkSplit(b);
        }

        ref var block = ref _blocks[b];
        // A frame whose memory is still there costs a clearing; a zero one costs the host a page fault, which is dearer.
        var index = block.Free.FirstNotIn(block.Zero);
        isZero = index < 0;
        if (isZero)
        {
            index = block.Free.First();
            block.Zero.Remove(index);
        }
        else
        {
            _dirtyFree--;
        }

        block.Free.Remove(index);
        if (--block.FreeCount == 0)
            UnlinkSplit(b);
        _inUse++;
        _lock.Unlock();
        return new Pfn(b * BlockFrames + index);
    }

    private int TakeWholeBlock()
    {
        _lock.Lock();
        var b = TakeWholeLocked();
        if (b < 0 && _dirtyFree >= BlockFrames)
        {
            // Some split block may be free as a whole by now.
            _lock.Unlock();
            ReturnToHost(0);
            _lock.Lock();
            b = TakeWholeLocked();
        }

        if (b >= 0)
        {
            ref var block = ref _blocks[b];
            block.Free = default;
            block.Zero = default;
            block.FreeCount = 0;
            _inUse += BlockFrames;
            _blocksAllocated++;
        }

        _lock.Unlock();
        return b;
    }

    private int TakeWholeLocked()
    {
        var b = _whole;
        if (b >= 0)
            _whole = _blocks[b].Next;
        else if (_fresh < _blockCount)
            b = _fresh++;
        return b;
    }

    private void GiveBackOne(Pfn pfn)
    {
        // Beyond a limit, free memory goes back to the host.
        Check.MightWait(WaitContext.Block);
        var b = pfn.Value / BlockFrames;
        _lock.Lock();
        ref var block = ref _blocks[b];
        block.Free.Add(pfn.IndexInBlock);
        if (block.FreeCount++ == 0)
            LinkSplit(b);
        _inUse--;
        var crowded = ++_dirtyFree > KeepLimit;
        _lock.Unlock();
        if (crowded)
            ReturnToHost(KeepLimit / 2);
    }

    private void GiveBack(int b, in FrameSet freed)
    {
        Check.MightWait(WaitContext.Block);
        var count = freed.Count();
        _lock.Lock();
        ref var block = ref _blocks[b];
        block.Free.AddAll(freed);
        if (block.FreeCount == 0)
            LinkSplit(b);
        block.FreeCount += count;
        _inUse -= count;
        _dirtyFree += count;
        var crowded = _dirtyFree > KeepLimit;
        _lock.Unlock();
        if (crowded)
            ReturnToHost(KeepLimit / 2);
    }

    /// <summary>
    /// Returns free memory to the host until at most <paramref name="keep"/> frames are kept. No lock is held during the system calls.
    /// </summary>
    private void ReturnToHost(int keep)
    {
        var next = Volatile.Read(ref _split);
        var limit = _blockCount;
        while (next >= 0 && limit-- > 0 && Volatile.Read(ref _dirtyFree) > keep)
        {
            _lock.Lock();
            var b = next;
            ref var block = ref _blocks[b];
            if (!block.Linked)
            {
                // The list changed while we were away: start over from its head.
                next = _split;
                _lock.Unlock();
                continue;
            }

            next = block.Next;
            var dirty = block.Free;
            dirty.RemoveAll(block.Zero);
            var count = dirty.Count();
            if (count == 0)
            {
                PutBackDiscarded(b, dirty, default, 0);
            }
            else
            {
                // Out of the free set: nobody can take them while the host discards them.
                block.Free.RemoveAll(dirty);
                block.FreeCount -= count;
                _dirtyFree -= count;
                if (block.FreeCount == 0)
                    UnlinkSplit(b);
                _lock.Unlock();
                var discarded = default(FrameSet);
                Discard(b, dirty, ref discarded);
                _lock.Lock();
                PutBackDiscarded(b, dirty, discarded, count);
            }

            _lock.Unlock();
        }
    }

    private void PutBackDiscarded(int b, in FrameSet dirty, in FrameSet discarded, int count)
    {
        ref var block = ref _blocks[b];
        var zeroed = discarded.Count();
        block.Free.AddAll(dirty);
        block.Zero.AddAll(discarded);
        if (block.FreeCount == 0 && count > 0)
            LinkSplit(b);
        block.FreeCount += count;
        _dirtyFree += count - zeroed;
        _returned += zeroed;
        if (block.FreeCount != BlockFrames || block.Zero.Count() != BlockFrames)
            return;
        UnlinkSplit(b);
        block.Next = _whole;
        _whole = b;
    }

    /// <summary>Discards runs of frames; a host with larger pages gets only the whole host pages within each run.</summary>
    private void Discard(int b, in FrameSet frames, ref FrameSet discarded)
    {
        var perHostPage = Math.Max(1, (int)(HostOs.PageSize / PageSize));
        var index = 0;
        while (index < BlockFrames)
        {
            if (!frames.Contains(index))
            {
                index++;
                continue;
            }

            var start = index;
            while (index < BlockFrames && frames.Contains(index))
                index++;
            var from = (start + perHostPage - 1) / perHostPage * perHostPage;
            var to = index / perHostPage * perHostPage;
            if (from >= to || !HostOs.Discard(Pointer(new Pfn(b * BlockFrames + from)), (nuint)(to - from) * PageSize))
                continue;
            for (var i = from; i < to; i++)
                discarded.Add(i);
        }
    }

    private void LinkSplit(int b)
    {
        ref var block = ref _blocks[b];
        block.Linked = true;
        block.Previous = -1;
        block.Next = _split;
        if (_split >= 0)
            _blocks[_split].Previous = b;
        _split = b;
    }

    private void UnlinkSplit(int b)
    {
        ref var block = ref _blocks[b];
        block.Linked = false;
        if (block.Previous >= 0)
            _blocks[block.Previous].Next = block.Next;
        else
            _split = block.Next;
        if (block.Next >= 0)
            _blocks[block.Next].Previous = block.Previous;
    }

    /// <summary>Native, zero when fresh. Next also links whole blocks.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Block
    {
        internal FrameSet Free;
        internal FrameSet Zero;
        internal int FreeCount;
        internal int Previous;
        internal int Next;
        internal bool Linked;
    }
}
