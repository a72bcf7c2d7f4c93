using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Warren.Locking;

/// <summary>
/// Gives native memory back. Where a process explores schedules (<see cref="Check.Steps"/>) what was freed is kept for a while: code that
/// is broken on purpose may still write there before its schedule has got its verdict, and must not damage the process that judges it.
/// </summary>
public static unsafe class NativeBlock
{
    /// <summary>Frees that a block outlives: those of several schedules.</summary>
    private const int Kept = 64;

    private static readonly ConcurrentQueue<(nint Block, bool Aligned)> Quarantine = new();

    /// <summary>Frees what <see cref="NativeMemory.AlignedAlloc"/> gave; null: nothing happens.</summary>
    public static void AlignedFree(void* block)
    {
        if (Check.Steps) Keep(block, aligned: true);
        else NativeMemory.AlignedFree(block);
    }

    /// <summary>Frees what <see cref="NativeMemory.Alloc(nuint)"/> and its like gave; null: nothing happens.</summary>
    public static void Free(void* block)
    {
        if (Check.Steps) Keep(block, aligned: false);
        else NativeMemory.Free(block);
    }

    private static void Keep(void* block, bool aligned)
    {
        if (block == null) return;
        Quarantine.Enqueue(((nint)block, aligned));
        while (Quarantine.Count > Kept && Quarantine.TryDequeue(out var oldest))
        {
            if (oldest.Aligned) NativeMemory.AlignedFree((void*)oldest.Block);
            else NativeMemory.Free((void*)oldest.Block);
        }
    }
}
