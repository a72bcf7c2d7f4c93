using System.Runtime.CompilerServices;

namespace Warren.RiscV.Mmu;

/// <summary>
/// Remembers which superpages (2 MiB, 1 GiB, 512 GiB, 256 TiB) have translations cached as 4 KiB pages: 256 hashed bits a level, so it
/// may say yes for one that has none, never no for one that has.
/// </summary>
internal struct SuperpageFilter
{
    private const int Levels = 4;
    private const int WordsPerLevel = 4;

    private Words _words;
    private int _levelsUsed;

    internal void Add(ulong page, int level)
    {
        _levelsUsed |= 1 << level;
        var bit = Bit(page, level, out var word);
        _words[word] |= bit;
    }

    internal readonly bool MayCover(ulong page)
    {
        for (var level = 2; level <= 1 + Levels; level++)
        {
            if ((_levelsUsed >> level & 1) != 0)
            {
                var bit = Bit(page, level, out var word);
                if ((_words[word] & bit) != 0)
                    return true;
            }
        }

        return false;
    }

    internal void Clear()
    {
        if (_levelsUsed != 0)
            this = default;
    }

    private static ulong Bit(ulong page, int level, out int word)
    {
        var number = page >> Pte.ShiftOf(level);
        var hash = (uint)((number * 0x9e37_79b9_7f4a_7c15) >> 56);
        word = ((level - 2) * WordsPerLevel) + (int)(hash >> 6);
        return 1UL << (int)(hash & 63);
    }

    [InlineArray(Levels * WordsPerLevel)]
    private struct Words
    {
        private ulong _first;
    }
}
