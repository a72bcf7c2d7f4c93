using Warren.Hypervisor;

namespace Warren.RiscV.Mmu;

/// <summary>
/// A page-table entry of Sv39, Sv48 or Sv57 (privileged manual, "Sv39: Page-Based 39-bit Virtual-Memory System"):
/// N(63) PBMT(62:61) reserved(60:54) PPN(53:10) RSW(9:8) D A G U X W R V.
/// </summary>
internal readonly struct Pte(ulong bits)
{
    internal const ulong Accessed = 1 << 6;
    internal const ulong Dirty = 1 << 7;

    private const ulong Reserved = 0x7fUL << 54;
    private const ulong NaturallyAligned = 1UL << 63;
    private const int MemoryTypeShift = 61;

    /// <summary>The bits of a page's number inside 64 KiB.</summary>
    private const ulong NapotPages = 0xf;

    internal readonly ulong Bits = bits;

    internal bool Valid => (Bits & 1) != 0;

    internal bool Readable => (Bits & 1 << 1) != 0;

    internal bool Writable => (Bits & 1 << 2) != 0;

    internal bool Executable => (Bits & 1 << 3) != 0;

    internal bool User => (Bits & 1 << 4) != 0;

    internal bool IsNapot => (Bits & NaturallyAligned) != 0;

    internal bool IsLeaf => (Bits & 0b1110) != 0;

    /// <summary>Physical page number, 44 bits.</summary>
    internal Gfn PageNumber => new(Bits >> 10 & 0xfff_ffff_ffff);

    /// <summary>
    /// Valid at <paramref name="level"/> (1: 4 KiB): no reserved bit or combination is used, and a leaf lies on a boundary of its size.
    /// PBMT and N are reserved without their extensions; of N's encodings only 64 KiB exists: level 1 with PPN[3:0] = 8.
    /// </summary>
    internal bool IsWellFormed(int level, bool pbmt, bool napot)
    {
        var memoryType = Bits >> MemoryTypeShift & 3;
        if (!Valid || (Writable && !Readable) || (Bits & Reserved) != 0 || (memoryType != 0 && (!pbmt || memoryType == 3))
            || (IsNapot && !napot))
        {
            return false;
        }

        const ulong LeafOnly = Dirty | Accessed | (1 << 4) | NaturallyAligned | (3UL << MemoryTypeShift);
        return !IsLeaf ? level != 1 && (Bits & LeafOnly) == 0
            : IsNapot ? level == 1 && (PageNumber.Value & NapotPages) == 8
            : (PageNumber.Value & Below(level)) == 0;
    }

    /// <summary>
    /// Of a well-formed leaf of <paramref name="level"/>: the physical page behind the virtual page <paramref name="number"/>.
    /// </summary>
    internal Gfn PageOf(ulong number, int level)
    {
        var below = IsNapot ? NapotPages : Below(level);
        return new((PageNumber.Value & ~below) | (number & below));
    }

    /// <summary>
    /// The lowest bit of an address that indexes a table of the level (1: its leaves are 4 KiB; the manual counts from 0).
    /// </summary>
    internal static int ShiftOf(int level) => SoftTlb.PageShift - 9 + (9 * level);

    /// <summary>Which entry of a table of the level stands for the address.</summary>
    internal static int IndexOf(Gva address, int level) => (int)(address.Value >> ShiftOf(level)) & 0x1ff;

    private static ulong Below(int level) => (1UL << (ShiftOf(level) - SoftTlb.PageShift)) - 1;
}
