using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>One table of 512 entries, in native memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PageTableNode
{
    internal const int Entries = 512;

    private fixed ulong _entries[Entries];

    internal static PageTableNode* Allocate()
    {
        var node = (PageTableNode*)NativeMemory.AlignedAlloc((nuint)sizeof(PageTableNode), 64);
        NativeMemory.Clear(node, (nuint)sizeof(PageTableNode));
        return node;
    }

    internal static void Free(PageTableNode* node) => NativeBlock.AlignedFree(node);

    /// <summary>The slot of entry <paramref name="index"/>.</summary>
    internal static ulong* Slot(PageTableNode* node, int index) => &node->_entries[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static HostPte Load(ulong* slot) => new(Atomics.Read(ref *slot));

    internal static bool CompareExchange(ulong* slot, HostPte expected, HostPte value) =>
        Atomics.CompareExchange(ref *slot, value.Bits, expected.Bits) == expected.Bits;

    internal static HostPte Exchange(ulong* slot, HostPte value) => new(Atomics.Exchange(ref *slot, value.Bits));
}
