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

    internal readonly ulong Bits = bits;

    internal bool Valid => (Bits & 1) != 0;

    internal bool Readable => (Bits & 1 << 1) != 0;

    internal bool Writable => (Bits & 1 << 2) != 0;

    internal bool Executable => (Bits & 1 << 3) != 0;

    internal bool User => (Bits & 1 << 4) != 0;

    internal bool IsNapot => (Bits & NaturallyAligned) != 0;

    internal bool IsLeaf => (Bits & 0b1110) != 0;

    /// <summary>Physical page number, 44 bits.</summary>
    internal ulong PageNumber => Bits >> 10 & 0xfff_ffff_ffff;

    /// <summary>Valid, and no reserved bit or combination is used. PBMT and N are reserved without their extensions.</summary>
    internal bool IsWellFormed(bool pbmt, bool napot)
    {
        ulong memoryType = Bits >> MemoryTypeShift & 3;
        if (!Valid || (Writable && !Readable) || (Bits & Reserved) != 0 || (memoryType != 0 && (!pbmt || memoryType == 3)) || (IsNapot && !napot))
        {
            return false;
        }

        const ulong LeafOnly = Dirty | Accessed | (1 << 4) | NaturallyAligned | (3UL << MemoryTypeShift);
        return IsLeaf || (Bits & LeafOnly) == 0;
    }
}
