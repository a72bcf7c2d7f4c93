using System.Runtime.CompilerServices;

namespace Warren.HostMemory;

/// <summary>
/// An entry of the host page table. Bit 0 present; bit 1 leaf, else the address of a table of the next level. Leaf: bit 2
/// owned (no one shares the frame: it may be written in place), bit 3 accessed, bits 16 up the frame number. A leaf at level 2 maps
/// a block of 512 frames, of which it holds one reference each.
/// </summary>
internal readonly unsafe struct HostPte(ulong bits)
{
    private const ulong PresentBit = 1;
    private const ulong LeafBit = 2;
    private const ulong OwnedBit = 4;
    private const ulong AccessedBit = 8;
    private const int FrameShift = 16;

    internal readonly ulong Bits = bits;

    internal bool IsPresent => (Bits & PresentBit) != 0;

    internal bool IsLeaf => (Bits & LeafBit) != 0;

    internal bool IsTable => (Bits & (PresentBit | LeafBit)) == PresentBit;

    internal bool IsOwned => (Bits & OwnedBit) != 0;

    internal bool IsAccessed => (Bits & AccessedBit) != 0;

    internal Pfn Pfn => new((int)(Bits >> FrameShift));

    internal PageTableNode* Table
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (PageTableNode*)(Bits & ~PresentBit);
    }

    internal static HostPte Leaf(Pfn pfn, bool owned) =>
        new(((ulong)(uint)pfn.Value << FrameShift) | (owned ? OwnedBit : 0) | AccessedBit | LeafBit | PresentBit);

    internal static HostPte ToTable(PageTableNode* table) => new((ulong)table | PresentBit);

    /// <summary>The entry of the nth page of a block.</summary>
    internal HostPte Part(int index) => new(Bits + ((ulong)(uint)index << FrameShift));

    internal HostPte Young() => new(Bits | AccessedBit);

    internal HostPte Old() => new(Bits & ~AccessedBit);

    public override string ToString() => !IsPresent ? "none" : IsLeaf ? $"frame {Pfn}{(IsOwned ? " owned" : "")}" : "table";
}
