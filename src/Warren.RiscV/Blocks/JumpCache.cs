using System.Runtime.InteropServices;
using Warren.RiscV.Execute;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Blocks;

/// <summary>
/// Virtual address to block, for each mode. Remembers, hashed, which pages it has entries for, so that fencing a page that never ran
/// costs one bit test and any other a flush.
/// </summary>
internal sealed unsafe class JumpCache : IDisposable
{
    private const int Modes = 2;
    private const int FilterBits = 1 << 16;
    private const int ModeBytes = Flow.JumpEntries * 16;

    private readonly byte* _entries = (byte*)NativeMemory.AlignedAlloc(Modes * ModeBytes, 4096);
    private readonly ulong* _pages = (ulong*)NativeMemory.AlignedAlloc(FilterBits / 8, 64);
    private int _used = (1 << Modes) - 1;

    internal JumpCache() => Flush();

    /// <summary>Entries of <paramref name="mode"/>.</summary>
    internal JumpEntry* Entries(PrivilegeMode mode) => (JumpEntry*)(_entries + ((int)mode * ModeBytes));

    internal void Fill(PrivilegeMode mode, JumpEntry* entry, ulong pc, Block* block)
    {
        entry->Pc = pc;
        entry->Block = block;
        _used |= 1 << (int)mode;
        Remember(pc);
        if (block->SecondCodeState != null)
            Remember(pc + 2);
    }

    internal void Flush()
    {
        if (_used == 0)
            return;

        for (var mode = 0; mode < Modes; mode++)
        {
            if ((_used >> mode & 1) != 0)
                new Span<byte>(_entries + (mode * ModeBytes), ModeBytes).Fill(0xff);
        }

        NativeMemory.Clear(_pages, FilterBits / 8);
        _used = 0;
    }

    /// <summary>Forgets every block reached through <paramref name="page"/>.</summary>
    internal void FlushPage(ulong page)
    {
        var hash = Hash(page);
        if ((_pages[hash >> 6] >> (int)(hash & 63) & 1) != 0)
            Flush();
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_entries);
        NativeMemory.AlignedFree(_pages);
    }

    private static uint Hash(ulong page) => (uint)(((page >> SoftTlb.PageShift) * 0x9e37_79b9_7f4a_7c15) >> 48);

    private void Remember(ulong pc)
    {
        var hash = Hash(pc);
        _pages[hash >> 6] |= 1UL << (int)(hash & 63);
    }
}
