using System.Numerics;
using System.Runtime.CompilerServices;

namespace Warren.HostMemory;

/// <summary>A set of frames of one block: 512 bits.</summary>
[InlineArray(8)]
internal struct FrameSet
{
    private ulong _word;

    internal void Add(int index) => this[index >> 6] |= 1UL << (index & 63);

    internal void Remove(int index) => this[index >> 6] &= ~(1UL << (index & 63));

    internal readonly bool Contains(int index) => (this[index >> 6] >> (index & 63) & 1) != 0;

    internal readonly int Count()
    {
        var count = 0;
        for (var i = 0; i < 8; i++)
            count += BitOperations.PopCount(this[i]);
        return count;
    }

    internal void AddAll(in FrameSet other)
    {
        for (var i = 0; i < 8; i++)
            this[i] |= other[i];
    }

    internal void RemoveAll(in FrameSet other)
    {
        for (var i = 0; i < 8; i++)
            this[i] &= ~other[i];
    }

    internal void Fill()
    {
        for (var i = 0; i < 8; i++)
            this[i] = ulong.MaxValue;
    }

    /// <summary>The first index in this set but not in <paramref name="other"/>, or -1.</summary>
    internal readonly int FirstNotIn(in FrameSet other)
    {
        for (var i = 0; i < 8; i++)
        {
            var word = this[i] & ~other[i];
            if (word != 0)
                return (i << 6) + BitOperations.TrailingZeroCount(word);
        }

        return -1;
    }

    /// <summary>The first index, or -1.</summary>
    internal readonly int First()
    {
        for (var i = 0; i < 8; i++)
        {
            if (this[i] != 0)
                return (i << 6) + BitOperations.TrailingZeroCount(this[i]);
        }

        return -1;
    }
}
