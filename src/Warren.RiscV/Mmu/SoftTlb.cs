using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.RiscV.Core;

namespace Warren.RiscV.Mmu;

/// <summary>One page a hart may read (or write) without a walk: host address = guest virtual address + addend.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TlbEntry
{
    /// <summary>Virtual page address; low bits set when empty, so that no address matches.</summary>
    public ulong Tag;

    public ulong Addend;
}

/// <summary>
/// Direct-mapped data TLBs, one per <see cref="MmuIndex"/>: 1024 read entries, then 1024 write entries. Write entries exist only after
/// a real store, which has set the D bit and the dirty log. A miss is never an error, so entries may vanish at any time.
/// </summary>
internal sealed unsafe class SoftTlb : IDisposable
{
    internal const int PageShift = 12;
    internal const ulong PageMask = ~0xfffUL;
    private const int Entries = 1024;
    private const int HalfBytes = Entries * 16;
    private const int IndexBytes = 2 * HalfBytes;
    private const int Indexes = 3;

    private readonly byte* _tables = (byte*)NativeMemory.AlignedAlloc(Indexes * IndexBytes, 4096);

    // Indexes filled since they were last emptied: the others cost a flush nothing.
    private int _used = (1 << Indexes) - 1;

    // Superpages are entered as the 4 KiB pages used; these remember, hashed per level, which superpages have entries somewhere.
    private SuperpageFilter _superpages;

    internal SoftTlb() => Flush();

    /// <summary>Tables of <paramref name="index"/>, for <see cref="HartState.Tlb"/>.</summary>
    internal byte* Tables(MmuIndex index) => _tables + ((int)index * IndexBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TlbEntry* ReadEntry(HartState* h, ulong address)
        => (TlbEntry*)(h->Tlb + ((address >> (PageShift - 4)) & ((Entries - 1) << 4)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TlbEntry* WriteEntry(HartState* h, ulong address)
        => (TlbEntry*)(h->Tlb + ((address >> (PageShift - 4)) & ((Entries - 1) << 4)) + HalfBytes);

    /// <summary>
    /// True when all <paramref name="size"/> bytes at <paramref name="address"/> lie in the entry's page: an access that crosses into the
    /// next page compares that page's address with the entry of this one, and misses.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Hits(TlbEntry* entry, ulong address, uint size) => ((address + (size - 1)) & PageMask) == entry->Tag;

    /// <summary>Enters the page of <paramref name="address"/>, found in a leaf of <paramref name="level"/> (1: 4 KiB).</summary>
    internal void Fill(MmuIndex index, ulong address, byte* hostPage, bool write, int level)
    {
        var page = address & PageMask;
        var slot = (page >> (PageShift - 4)) & ((Entries - 1) << 4);
        var read = (TlbEntry*)(Tables(index) + slot);
        read->Tag = page;
        read->Addend = (ulong)hostPage - page;
        if (write)
            *(TlbEntry*)((byte*)read + HalfBytes) = *read;

        _used |= 1 << (int)index;
        if (level > 1)
            _superpages.Add(page, level);
    }

    /// <summary>Drops everything.</summary>
    internal void Flush()
    {
        for (var i = 0; i < Indexes; i++)
        {
            if ((_used >> i & 1) != 0)
                new Span<byte>(_tables + (i * IndexBytes), IndexBytes).Fill(0xff);
        }

        _used = 0;
        _superpages.Clear();
    }

    /// <summary>Drops what translates the page of <paramref name="address"/>: O(1), unless a superpage may cover it.</summary>
    internal void FlushPage(ulong address)
    {
        var page = address & PageMask;
        if (_superpages.MayCover(page))
        {
            Flush();
            return;
        }

        var slot = (page >> (PageShift - 4)) & ((Entries - 1) << 4);
        for (var i = 0; i < Indexes; i++)
        {
            var read = _tables + (i * IndexBytes) + slot;
            ((TlbEntry*)read)->Tag = ulong.MaxValue;
            ((TlbEntry*)(read + HalfBytes))->Tag = ulong.MaxValue;
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(_tables);
}

/// <summary>Which of the data TLBs a mode uses: their rights differ.</summary>
internal enum MmuIndex
{
    User,
    Supervisor,

    /// <summary>Supervisor with <c>sstatus.SUM</c> set: may touch user pages.</summary>
    SupervisorUserAccess,
}
