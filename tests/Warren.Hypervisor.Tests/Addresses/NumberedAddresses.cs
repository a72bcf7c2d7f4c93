using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tests.Addresses;

/// <summary>The twins of <see cref="TypedAddresses"/>, with numbers.</summary>
internal static class NumberedAddresses
{
    private const MethodImplOptions Compiled = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;

    [MethodImpl(Compiled)]
    public static bool Contains(ulong gfn, ulong baseGfn, ulong pages) => gfn - baseGfn < pages;

    [MethodImpl(Compiled)]
    public static ulong GfnToHva(ulong gfn, ulong baseGfn, ulong start) => start + ((gfn - baseGfn) << 12);

    [MethodImpl(Compiled)]
    public static ulong PageOf(ulong gpa) => gpa >> 12;

    [MethodImpl(Compiled)]
    public static int IndexOf(ulong gfn, int level) => SpteTable.IndexOf(gfn, level);

    [MethodImpl(Compiled)]
    public static ulong Within(ulong gfn, ulong gpa) => ((gfn & ~511UL) << 12) + (gpa & 4095);

    [MethodImpl(Compiled)]
    public static bool Overlaps(ulong start, ulong end, ulong from, ulong to) => start < to && end > from;

    [MethodImpl(Compiled)]
    public static bool IsSame(ulong left, ulong right) => left == right;

    [MethodImpl(Compiled)]
    public static ulong Clip(ulong start, ulong end, ulong at) => Math.Min(Math.Max(start, at), end);

    [MethodImpl(Compiled)]
    public static void PageIn(ulong gpa, out ulong gfn) => gfn = gpa >> 12;

    [MethodImpl(Compiled)]
    public static unsafe int Floor(ulong* gfns, int count, ulong gfn)
    {
        int low = 0, high = count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (gfns[middle] <= gfn) low = middle + 1;
            else high = middle;
        }
        return low - 1;
    }

    [MethodImpl(Compiled)]
    public static unsafe ulong Walk(ulong* marks, ulong start, ulong end)
    {
        ulong sum = 0;
        for (var gfn = start; gfn < end; gfn++) sum += marks[gfn - start];
        return sum;
    }

    [MethodImpl(Compiled)]
    public static unsafe byte* Pointer(byte* pool, int pfn) => pool + ((nuint)(uint)pfn << FramePool.PageShift);

    [MethodImpl(Compiled)]
    public static int PageOfBlock(int pfn, ulong gfn) => pfn + SpteTable.IndexOf(gfn, level: 1);

    [MethodImpl(Compiled)]
    public static bool IsWholeBlock(int pfn) => pfn != 0 && (pfn & FramePool.BlockFrames - 1) == 0;
}
