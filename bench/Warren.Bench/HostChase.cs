using System.Runtime.CompilerServices;
using Warren.HostMemory;

namespace Warren.Bench;

/// <summary>
/// The chase of <c>guest/chase</c> by the host itself, over memory that it commits in the same way: what a load from a page of 256 MiB
/// takes longer than one of as many lines in 4 MiB. That is the machine's own doing (its TLB, above all where a hypervisor below gives it
/// small pages), and happens to a guest's load whoever translates it.
/// </summary>
internal static unsafe class HostChase
{
    private const uint Pages = 65536;
    private const int Steps = (int)Pages * 32;

    /// <summary>Offset in its line of a pointer of the packed cycle, as in the guest.</summary>
    private const int Packed = 8;

    /// <summary>Nanoseconds of CPU time a load.</summary>
    public static double Measure()
    {
        using var pool = new FramePool((Pages + (2L * FramePool.BlockFrames)) * FramePool.PageSize, hostHugePages: true);
        var blocks = new nint[Pages / FramePool.BlockFrames];
        for (var i = 0; i < blocks.Length; i++) blocks[i] = (nint)pool.Pointer(pool.AllocateBlock(null));
        return Chase(i => blocks[i / FramePool.BlockFrames] + (nint)((i % FramePool.BlockFrames * FramePool.PageSize) + (i % 64 * 64)))
            - Chase(i =>
                blocks[i * 64 / (FramePool.BlockFrames * FramePool.PageSize)]
                + (nint)(i * 64 % (FramePool.BlockFrames * FramePool.PageSize)) + Packed);
    }

    private static double Chase(Func<uint, nint> place)
    {
        // One random cycle through all (Sattolo's shuffle).
        var next = new uint[Pages];
        for (var i = 0u; i < Pages; i++) next[i] = i;
        var random = new Random(1);
        for (var i = (int)Pages - 1; i > 0; i--)
        {
            var j = random.Next(i);
            (next[i], next[j]) = (next[j], next[i]);
        }
        for (var i = 0u; i < Pages; i++) *(nint*)place(i) = place(next[i]);
        var at = Follow((void**)place(0), (int)Pages);
        var start = Environment.CpuUsage.TotalTime;
        Follow(at, Steps);
        return (Environment.CpuUsage.TotalTime - start).TotalNanoseconds / Steps;
    }

    /// <param name="at">first pointer</param>
    /// <param name="steps">loads, a multiple of 4</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void** Follow(void** at, int steps)
    {
        for (; steps > 0; steps -= 4) at = (void**)*(void**)*(void**)*(void**)*at;
        return at;
    }
}
