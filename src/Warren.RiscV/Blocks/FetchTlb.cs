using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Blocks;

/// <summary>One executable page of a mode.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct FetchEntry
{
    /// <summary>Virtual page address; all ones when empty.</summary>
    public ulong Tag;

    public byte* HostPage;

    public int* CodeState;

    /// <summary>The code state when the page was translated for execution.</summary>
    public int State;

    public Pfn Pfn;
}

/// <summary>Direct-mapped fetch translations of both modes, 128 pages each.</summary>
internal sealed unsafe class FetchTlb : IDisposable
{
    private const int Entries = 128;
    private const int Modes = 2;

    private readonly FetchEntry* _entries = (FetchEntry*)NativeMemory.AlignedAlloc((nuint)(Modes * Entries * sizeof(FetchEntry)), 64);
    private SuperpageFilter _superpages;
    private bool _used = true;

    internal FetchTlb() => Flush();

    internal FetchEntry* Slot(PrivilegeMode mode, ulong page)
        => _entries + ((int)mode * Entries) + (int)(page >> SoftTlb.PageShift & (Entries - 1));

    internal void Filled(ulong page, int level)
    {
        _used = true;
        if (level > 1)
            _superpages.Add(page, level);
    }

    internal void Flush()
    {
        if (_used)
        {
            new Span<byte>(_entries, Modes * Entries * sizeof(FetchEntry)).Fill(0xff);
            _superpages.Clear();
            _used = false;
        }
    }

    /// <summary>Drops what translates <paramref name="page"/>; true if a superpage may have, so that everything went.</summary>
    internal bool FlushPage(ulong page)
    {
        if (_superpages.MayCover(page))
        {
            Flush();
            return true;
        }

        for (var mode = 0; mode < Modes; mode++)
        {
            var entry = Slot((PrivilegeMode)mode, page);
            if (entry->Tag == page)
                entry->Tag = ulong.MaxValue;
        }

        return false;
    }

    public void Dispose() => NativeMemory.AlignedFree(_entries);
}
