using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.RiscV.Core;

namespace Warren.RiscV.Blocks;

/// <summary>
/// A decoded instruction, 16 bytes. Handlers end by calling the next op's in tail position, which RyuJIT turns into a jump
/// (always, as they are compiled with AggressiveOptimization): the host stack stays flat.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Op
{
    public Handler Run;

    /// <summary>Destination slot; see <see cref="HartState"/>.</summary>
    public byte Rd;

    public byte A;

    public byte B;

    /// <summary>Distance of the instruction from its block's first, in halfwords.</summary>
    public byte Offset;

    public int Imm;

    /// <summary>The two exits of a block's last op, kept in the slot that follows it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Links* LinksOf(Op* op) => (Links*)(op + 1);
}

/// <summary>
/// Direct successors of a block within its page and of the same code generation: <see cref="Block.Unlinked"/> until first taken. Such a
/// link needs no check of its own, as both blocks are good or stale together, and every way into the page from outside is checked.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Links
{
    public Block* Next;
    public Block* Taken;
}
