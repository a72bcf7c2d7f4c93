using System.Runtime.InteropServices;

namespace Warren.HostMemory;

/// <summary>Metadata of one page frame (struct page); 16 bytes of native memory, zero when the frame was never used.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
public struct FrameInfo
{
    internal const int Bytes = 16;

    /// <summary>Where <see cref="CodeState"/> is.</summary>
    internal const int CodeStateOffset = 4;

    /// <summary>Page tables, caches and temporary users that hold the frame; 0: free. Change it through the pool.</summary>
    public int RefCount;

    /// <summary>Bit 0: decoded code of this frame exists. Upper bits: generation, bumped whenever such code may be stale.</summary>
    public int CodeState;

    /// <summary>The <see cref="MemoryBudget"/> it is charged to; 0: none.</summary>
    internal int Budget;

    public int Flags;

    /// <summary>The code state after any code of this frame became stale: no code, next generation.</summary>
    public static int NextGeneration(int codeState) => unchecked((codeState | 1) + 1);
}
