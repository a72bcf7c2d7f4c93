using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tests.Addresses;

/// <summary>The uses of addresses on hot paths. Each method has a twin in <see cref="NumberedAddresses"/>.</summary>
internal static class TypedAddresses
{
    private const MethodImplOptions Compiled = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;

    [MethodImpl(Compiled)]
    public static bool Contains(Gfn gfn, Gfn baseGfn, ulong pages) => gfn - baseGfn < pages;

    [MethodImpl(Compiled)]
    public static Hva GfnToHva(Gfn gfn, Gfn baseGfn, Hva start) => start + ((gfn - baseGfn) << 12);

    [MethodImpl(Compiled)]
    public static Gfn PageOf(Gpa gpa) => gpa.Gfn;

    [MethodImpl(Compiled)]
    public static int IndexOf(Gfn gfn, int level) => SpteTable.IndexOf(gfn, level);

    [MethodImpl(Compiled)]
    public static Gpa Within(Gfn gfn, Gpa gpa) => gfn.AlignDown(512).Gpa + gpa.PageOffset;

    [MethodImpl(Compiled)]
    public static bool Overlaps(Hva start, Hva end, Hva from, Hva to) => start < to && end > from;

    [MethodImpl(Compiled)]
    public static bool IsSame(Gpa left, Gpa right) => left == right;

    [MethodImpl(Compiled)]
    public static Hva Clip(Hva start, Hva end, Hva at) => Hva.Min(Hva.Max(start, at), end);

    [MethodImpl(Compiled)]
    public static void PageIn(Gpa gpa, out Gfn gfn) => gfn = gpa.Gfn;

    [MethodImpl(Compiled)]
    public static unsafe int Floor(Gfn* gfns, int count, Gfn gfn)
    {
        int low = 0, high = count;
        // Out of memory, an operator of a struct costs one load that a number's comparison has in it.
        var number = gfn.Value;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (gfns[middle].Value <= number) low = middle + 1;
            else high = middle;
        }
        return low - 1;
    }

    [MethodImpl(Compiled)]
    public static unsafe ulong Walk(ulong* marks, Gfn start, Gfn end)
    {
        ulong sum = 0;
        for (var gfn = start; gfn < end; gfn++) sum += marks[gfn - start];
        return sum;
    }

    [MethodImpl(Compiled)]
    public static unsafe byte* Pointer(byte* pool, Pfn pfn) => pool + ((nuint)(uint)pfn.Value << FramePool.PageShift);

    [MethodImpl(Compiled)]
    public static Pfn PageOfBlock(Pfn pfn, Gfn gfn) => pfn + SpteTable.IndexOf(gfn, level: 1);

    [MethodImpl(Compiled)]
    public static bool IsWholeBlock(Pfn pfn) => !pfn.IsNone && pfn.IndexInBlock == 0;
}
