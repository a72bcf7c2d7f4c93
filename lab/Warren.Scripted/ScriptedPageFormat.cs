using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Scripted;

/// <summary>
/// The page tables of scripted guests: tables of 512 entries of 64 bits, of as many levels as the root says. An entry: bit 0 present, 1
/// leaf, 2 R, 3 W, 4 X, 5 U, 6 A, 7 D, 12..51 gfn (of the next table, or of the first page mapped), the others ignored.
/// </summary>
/// <remarks>
/// Reserved, hence not present: no leaf in a table of level 1, a leaf above level 3, W without R, a gfn that is not a multiple of what the
/// leaf maps. An address is looked up by the 9 bits of each level above the 12 of the offset; those above must be copies of the highest of
/// them.
/// </remarks>
public sealed class ScriptedPageFormat : IGuestPageFormat
{
    public const ulong Present = 1UL << 0;
    public const ulong Leaf = 1UL << 1;
    public const ulong A = 1UL << 6;
    public const ulong D = 1UL << 7;

    /// <summary>The highest level of a leaf: 1 GiB.</summary>
    public const int MaxLeafLevel = 3;

    private const int RightsShift = 2;
    private const int GfnShift = 12;
    private const ulong GfnMask = (1UL << 40) - 1;

    private ScriptedPageFormat()
    {
    }

    public static ScriptedPageFormat Instance { get; } = new();

    /// <summary>An entry that points at the next lower table.</summary>
    public static ulong Table(ulong gfn) => Present | gfn << GfnShift;

    /// <summary>An entry that maps memory.</summary>
    /// <param name="gfn">below 2^40</param>
    /// <param name="rights">what the guest may do</param>
    /// <param name="marks">of <see cref="A"/> and <see cref="D"/></param>
    public static ulong Page(ulong gfn, GuestRights rights, ulong marks = 0) =>
        Present | Leaf | (ulong)rights << RightsShift | marks | gfn << GfnShift;

    /// <inheritdoc/>
    public GuestPte Decode(ulong bits, int level, int index)
    {
        var leaf = (bits & Leaf) != 0;
        var gfn = bits >> GfnShift & GfnMask;
        var rights = (GuestRights)(bits >> RightsShift & 15);
        var reserved = leaf
            ? level > MaxLeafLevel || (rights & (GuestRights.Read | GuestRights.Write)) == GuestRights.Write
            || (gfn & SpteTable.PagesPerEntry(level) - 1) != 0
            : level == 1;
        return new GuestPte
        {
            IsPresent = (bits & Present) != 0 && !reserved,
            IsLeaf = leaf,
            Gfn = new Gfn(gfn),
            Rights = leaf ? rights : GuestRights.None,
            Accessed = (bits & A) != 0,
            Dirty = (bits & D) != 0,
        };
    }
}
