using System.Runtime.InteropServices;

namespace Warren.Lab;

/// <summary>
/// Keeps the threads of an exploration on one CPU, where a hand-off is a yield to the neighbour in the run queue and not an interrupt to an
/// idle CPU. Where the system refuses (or is not Linux) they run wherever they like, only slower.
/// </summary>
internal static partial class CpuPinning
{
    private const int MaskWords = 16;

    /// <summary>The CPU the caller runs on, or -1.</summary>
    internal static int Current => OperatingSystem.IsLinux() ? System.Threading.Thread.GetCurrentProcessorId() : -1;

    /// <summary>Pins the calling thread; false when that is not possible.</summary>
    internal static unsafe bool PinCurrentThread(int cpu)
    {
        if (!OperatingSystem.IsLinux() || cpu is < 0 or >= MaskWords * 64)
            return false;
        var mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[cpu >> 6] = 1ul << (cpu & 63);
        try
        {
            return SetAffinity(0, MaskWords * sizeof(ulong), mask) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static unsafe partial int SetAffinity(int thread, nuint bytes, ulong* mask);
}
