using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.HostMemory;

namespace Warren.RiscV.Blocks;

/// <summary>
/// Header of a decoded basic block, followed by its ops. Keyed by host frame and offset, so that it serves every mapping of the frame;
/// good while the frame's code state is what it was when the block was decoded.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct Block
{
    /// <summary>At most this many instructions: their halfwords fit <see cref="Starts"/>.</summary>
    internal const int MaxInstructions = 31;

    /// <summary>Largest budget of one run of threaded code, so that <see cref="Unlinked"/> never fits.</summary>
    internal const long MaxBudget = int.MaxValue - 1;

    /// <summary>The target of a link before it is made.</summary>
    internal static readonly Block* Unlinked = MakeUnlinked();

    public int* CodeState;
    public int State;
    public int PageOffset;

    /// <summary>Instructions in the block; in the one that stands for a link not yet made, more than any budget.</summary>
    public int Count;

    /// <summary>Bit n: an instruction starts at halfword n of the block.</summary>
    public ulong Starts;

    public Block* HashNext;
    public Pfn Pfn;

    /// <summary>For an instruction that crosses into another page: that page's frame and code state, else 0 and null.</summary>
    public int SecondState;

    public int* SecondCodeState;

    /// <summary>One past the last instruction, as an offset in the page.</summary>
    public int EndOffset;

    /// <summary>True when the code it was decoded from is still what the frame holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsCurrent(Block* block) => *block->CodeState == block->State;

    private static Block* MakeUnlinked()
    {
        var block = (Block*)NativeMemory.AllocZeroed((nuint)sizeof(Block));
        block->Count = int.MaxValue;
        return block;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Op* Ops(Block* block) => (Op*)(block + 1);

    /// <summary>How many of the block's instructions come before <paramref name="op"/>.</summary>
    internal static int InstructionsBefore(Block* block, Op* op)
        => BitOperations.PopCount(block->Starts & ((1UL << op->Offset) - 1));
}

/// <summary>Maps a virtual address to the block that starts there; an entry is used only after <see cref="Block.IsCurrent"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct JumpEntry
{
    public ulong Pc;
    public Block* Block;
}
