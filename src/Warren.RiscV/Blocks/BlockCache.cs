using System.Runtime.InteropServices;
using Warren.HostMemory;

namespace Warren.RiscV.Blocks;

/// <summary>
/// Decoded blocks by frame and offset, in one bounded arena that is dropped whole when full. The arena is reserved at once and
/// touched, hence paid for, as it fills.
/// </summary>
internal sealed unsafe class BlockCache : IDisposable
{
    private const int Buckets = 1 << 14;

    /// <summary>Room a block may need: header, ops, a leading check, a terminator and its links.</summary>
    internal const int MaxBlockBytes = 64 + ((Block.MaxInstructions + 4) * 16);

    private readonly Block** _buckets = (Block**)NativeMemory.AllocZeroed(Buckets, (nuint)sizeof(Block*));
    private readonly byte* _arena;
    private readonly int _arenaBytes;
    private int _used;

    /// <summary>Times everything was dropped because the arena was full.</summary>
    internal long Drops;

    internal BlockCache(int arenaBytes)
    {
        _arenaBytes = Math.Max(arenaBytes, 1 << 20);
        _arena = (byte*)NativeMemory.AlignedAlloc((nuint)_arenaBytes, 4096);
    }

    /// <summary>
    /// The current block at <paramref name="offset"/> of <paramref name="pfn"/> (and, crossing a page, of the second); null if none.
    /// </summary>
    internal Block* Find(Pfn pfn, int offset, int state, int* secondCodeState)
    {
        var link = Bucket(pfn, offset);
        for (var block = *link; block != null; block = *link)
        {
            if (block->Pfn == pfn && block->PageOffset == offset)
            {
                var current = block->State == state && (block->SecondCodeState == null || *block->SecondCodeState == block->SecondState);
                if (!current)
                {
                    // Its frame has moved on, and generations do not come back.
                    *link = block->HashNext;
                    continue;
                }

                if (block->SecondCodeState == secondCodeState)
                    return block;
            }

            link = &block->HashNext;
        }

        return null;
    }

    /// <summary>Room for one block, or null: then the caller must <see cref="DropAll"/> and forget every block it knows.</summary>
    internal Block* Reserve() => _arenaBytes - _used >= MaxBlockBytes ? (Block*)(_arena + _used) : null;

    /// <summary>Keeps the block built in the room last reserved, whose ops end at <paramref name="end"/>.</summary>
    internal void Commit(Block* block, Op* end)
    {
        var bytes = (int)((byte*)end - (byte*)block);
        _used += (bytes + 63) & ~63;
        var bucket = Bucket(block->Pfn, block->PageOffset);
        block->HashNext = *bucket;
        *bucket = block;
    }

    internal void DropAll()
    {
        NativeMemory.Clear(_buckets, (nuint)(Buckets * sizeof(Block*)));
        _used = 0;
        Drops++;
    }

    public void Dispose()
    {
        NativeMemory.Free(_buckets);
        NativeMemory.AlignedFree(_arena);
    }

    private Block** Bucket(Pfn pfn, int offset)
    {
        var key = (uint)pfn.Value * 2048 + (uint)(offset >> 1);
        return _buckets + (key * 0x9e37_79b1u >> 18);
    }
}
