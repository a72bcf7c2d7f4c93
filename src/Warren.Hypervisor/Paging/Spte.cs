using System.Globalization;
using Warren.HostMemory;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// One entry of a VM's page tables, TDP or shadow: a 64-bit word. A leaf maps a frame, a table entry points at the next lower table,
/// anything else maps nothing. Layout: 0 R, 1 W, 2 X, 3 A, 4 D, 5 host-writable, 6 MMU-writable, 7 huge, 8 leaf, 9 table, 10 MMIO, 11
/// frozen; 12..42 frame (leaf), 12..47 address of a table (table), 12..47 gfn (MMIO), 48..62 memslot generation (MMIO), 63 U.
/// </summary>
/// <remarks>
/// W implies both host-writable (the host maps the page writable, so no CoW is pending) and MMU-writable (nothing but dirty logging or
/// nobody at all keeps W away, so W may be restored without <c>mmu_lock</c>). A and D are set by a walk in guest mode, like hardware does.
/// R, W, X and U of a shadow leaf, and of a shadow MMIO entry, are the guest's rights cut by the host's; TDP knows no U, and gives what
/// host and slot allow.
/// </remarks>
public readonly struct Spte(ulong raw) : IEquatable<Spte>
{
    public const ulong R = 1UL << 0;
    public const ulong W = 1UL << 1;
    public const ulong X = 1UL << 2;
    public const ulong A = 1UL << 3;
    public const ulong D = 1UL << 4;
    public const ulong HostWritableBit = 1UL << 5;
    public const ulong MmuWritableBit = 1UL << 6;
    public const ulong HugeBit = 1UL << 7;
    public const ulong LeafBit = 1UL << 8;
    public const ulong TableBit = 1UL << 9;
    public const ulong MmioBit = 1UL << 10;
    public const ulong FrozenBit = 1UL << 11;
    /// <summary>The guest's user mode may use the page (and its supervisor only as its SUM says): shadow tables only.</summary>
    public const ulong U = 1UL << 63;
    /// <summary>All that says what the guest may do.</summary>
    public const ulong Rights = R | W | X | U;

    /// <summary>
    /// Bits of the memslot generation that an MMIO entry remembers; see <see cref="Mmu.OnMemslotGeneration"/> for what wraps.
    /// </summary>
    public const int MmioGenerationBits = 15;

    internal const int FrameShift = 12;
    internal const ulong FrameMask = ((1UL << 31) - 1) << FrameShift;
    internal const ulong TableMask = ((1UL << 36) - 1) << FrameShift;
    internal const ulong MmioGenerationMask = (1UL << MmioGenerationBits) - 1;
    private const int MmioGenerationShift = 48;

    /// <summary>Owned by a thread that is tearing it down: readers take it for absent, writers retry.</summary>
    public static readonly Spte Frozen = new(FrozenBit);

    public ulong Raw => raw;
    public bool IsNone => raw == 0;
    public bool IsPresent => (raw & (LeafBit | TableBit)) != 0;
    public bool IsLeaf => (raw & LeafBit) != 0;
    public bool IsTable => (raw & TableBit) != 0;
    public bool IsHuge => (raw & HugeBit) != 0;
    public bool IsMmio => (raw & MmioBit) != 0;
    public bool IsFrozen => (raw & FrozenBit) != 0;
    public bool Writable => (raw & W) != 0;
    public bool Accessed => (raw & A) != 0;
    public bool Dirty => (raw & D) != 0;
    public bool HostWritable => (raw & HostWritableBit) != 0;
    public bool MmuWritable => (raw & MmuWritableBit) != 0;

    /// <summary>Frame of a leaf; of its first 4 KiB page when huge.</summary>
    public Pfn Pfn => new((int)((raw & FrameMask) >> FrameShift));

    internal unsafe ulong* Table => (ulong*)(raw & TableMask);

    /// <summary>Where an MMIO entry says that no memory is.</summary>
    internal Gfn MmioGfn => new((raw & TableMask) >> FrameShift);
    /// <summary>The low bits of the generation of the memslots it was made from.</summary>
    internal ulong MmioGeneration => raw >> MmioGenerationShift & MmioGenerationMask;

    internal static unsafe Spte ForTable(ulong* table) => new((ulong)table | TableBit);

    /// <param name="gfn">below 2^36</param>
    /// <param name="rights">of <see cref="Rights"/>: what the guest's own tables allow, all of R, W and X where they are not asked</param>
    /// <param name="generation">of the memslots that hold no such gfn; its low bits are kept</param>
    internal static Spte ForMmio(Gfn gfn, ulong rights, ulong generation) =>
        new((generation & MmioGenerationMask) << MmioGenerationShift | gfn.Value << FrameShift | rights | MmioBit);

    /// <param name="pfn">the frame, the first of 512 when <paramref name="huge"/></param>
    /// <param name="hostWritable">the host maps it writable</param>
    /// <param name="mmuWritable">the memslot allows writing</param>
    /// <param name="writable">W now; needs both of the above</param>
    /// <param name="huge">a 2 MiB leaf</param>
    internal static Spte ForLeaf(Pfn pfn, bool hostWritable, bool mmuWritable, bool writable, bool huge)
    {
        var raw = (ulong)(uint)pfn.Value << FrameShift | LeafBit | R | X;
        if (hostWritable) raw |= HostWritableBit;
        if (hostWritable && mmuWritable) raw |= MmuWritableBit;
        if (hostWritable && mmuWritable && writable) raw |= W;
        if (huge) raw |= HugeBit;
        return new(raw);
    }

    /// <summary>The 4 KiB leaf for page <paramref name="index"/> (0..511) of this huge leaf, with the same rights and A/D.</summary>
    internal Spte SplitPage(int index) => new((raw & ~HugeBit) + ((ulong)index << FrameShift));

    internal Spte With(ulong bits) => new(raw | bits);
    internal Spte Without(ulong bits) => new(raw & ~bits);

    public bool Equals(Spte other) => raw == other.Raw;
    public override bool Equals(object? obj) => obj is Spte other && Equals(other);
    public override int GetHashCode() => raw.GetHashCode();
    public static bool operator ==(Spte left, Spte right) => left.Raw == right.Raw;
    public static bool operator !=(Spte left, Spte right) => left.Raw != right.Raw;

    public override string ToString()
    {
        if (IsNone) return "none";
        if (IsFrozen) return "frozen";
        if (IsMmio) return string.Create(CultureInfo.InvariantCulture, $"mmio gfn {MmioGfn.Value} gen {MmioGeneration}");
        if (IsTable) return string.Create(CultureInfo.InvariantCulture, $"table {raw & TableMask:x}");
        var rights = $"{((raw & R) != 0 ? "r" : "-")}{(Writable ? "w" : "-")}{((raw & X) != 0 ? "x" : "-")}{((raw & U) != 0 ? "u" : "")}";
        var marks = $"{(Accessed ? " A" : "")}{(Dirty ? " D" : "")}{(HostWritable ? " host-w" : "")}{(MmuWritable ? " mmu-w" : "")}";
        return string.Create(CultureInfo.InvariantCulture, $"frame {Pfn} {rights}{marks}{(IsHuge ? " 2M" : "")}");
    }
}
