using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The records of shadow paging for each page of a memslot (<c>struct kvm_arch_memory_slot</c>): the SPTEs that map it, how many shadow
/// pages track writes to it, and how many forbid to map the 2 MiB around it at once. One native allocation, which the host commits where it
/// is touched. Its contents are under <c>mmu_lock</c>; it is shared by the <see cref="Memslot"/> objects that stand for one slot in turn,
/// and freed a grace period after the last.
/// </summary>
internal sealed unsafe class SlotRmaps : IDisposable
{
    /// <summary>Levels with a head of their own: 4 KiB and 2 MiB.</summary>
    public const int Levels = 2;

    private readonly Gfn _baseGfn;
    private readonly ulong _baseHuge;
    private RmapHead* _pages;
    private RmapHead* _hugePages;
    private uint* _disallowHuge;
    private ushort* _writeTrack;

    /// <param name="baseGfn">first gfn of the slot</param>
    /// <param name="pages">pages of the slot, at least 1</param>
    /// <exception cref="OutOfMemoryException">the host has no memory for it</exception>
    public SlotRmaps(Gfn baseGfn, ulong pages)
    {
        Debug.Assert(pages != 0);
        _baseGfn = baseGfn;
        _baseHuge = baseGfn.Value >> 9;
        Pages = pages;
        HugePages = ((baseGfn + (pages - 1)).Value >> 9) - _baseHuge + 1;
        Bytes = BytesFor(pages, HugePages);
        var memory = (byte*)NativeMemory.AllocZeroed((nuint)Bytes);
        Check.Mark(LockingMarks.Reused, this, (nint)memory, Bytes);
        _pages = (RmapHead*)memory;
        _hugePages = _pages + pages;
        _disallowHuge = (uint*)(_hugePages + HugePages);
        _writeTrack = (ushort*)(_disallowHuge + HugePages);
    }

    ~SlotRmaps() => Free();

    public ulong Pages { get; }

    /// <summary>Aligned huge pages, of 2 MiB, that the slot reaches into.</summary>
    public ulong HugePages { get; }

    /// <summary>Native memory reserved: some 10 bytes a page, 0.25 % of the guest's memory.</summary>
    public long Bytes { get; }

    /// <summary>
    /// The SPTEs of this level that map <paramref name="gfn"/>, which the slot holds; for level 2 the huge page it lies in.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RmapHead* Head(Gfn gfn, int level)
    {
        Debug.Assert(gfn - _baseGfn < Pages && level is 1 or 2);
        return level == 1 ? _pages + (gfn - _baseGfn) : _hugePages + ((gfn.Value >> 9) - _baseHuge);
    }

    /// <summary>
    /// The first gfn of [<paramref name="gfn"/>, <paramref name="end"/>) whose head at the level is not empty, or <paramref name="end"/>;
    /// the range lies in the slot. Most heads are empty, so eight are looked at at once.
    /// </summary>
    public Gfn NextMapped(Gfn gfn, Gfn end, int level)
    {
        if (gfn >= end) return end;
        var shift = (level - 1) * 9;
        var first = level == 1 ? _baseGfn.Value : _baseHuge;
        var heads = (ulong*)(level == 1 ? _pages : _hugePages);
        var at = (gfn.Value >> shift) - first;
        var stop = ((end - 1).Value >> shift) - first + 1;
        Check.Mark(LockingMarks.Touched, this, (nint)(heads + at), (long)(stop - at) * sizeof(ulong));
        while (at + 8 <= stop && Vector512.Load(heads + at) == Vector512<ulong>.Zero) at += 8;
        while (at < stop && heads[at] == 0) at++;
        return at == stop ? end : Gfn.Max(gfn, new(at + first << shift));
    }

    /// <summary>Shadow pages, and whoever else, that must see every write to <paramref name="gfn"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref ushort WriteTrack(Gfn gfn) => ref _writeTrack[gfn - _baseGfn];

    /// <summary>Reasons not to map the 2 MiB around <paramref name="gfn"/> by one SPTE.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref uint DisallowHuge(Gfn gfn) => ref _disallowHuge[(gfn.Value >> 9) - _baseHuge];

    /// <summary>Disposed: not to be touched any more.</summary>
    public bool IsFreed { get; private set; }

    /// <summary>
    /// True when nothing is mapped, tracked or forbidden, as must be when the slot goes. Looks at every page: for checks.
    /// </summary>
    public bool IsIdle()
    {
        var memory = (byte*)_pages;
        for (long i = 0; i < Bytes; i++)
        {
            if (memory[i] != 0) return false;
        }
        return true;
    }

    public void Dispose()
    {
        if (IsFreed) return;
        IsFreed = true;
        Check.Mark(LockingMarks.Retired, this, (nint)_pages, Bytes);
        // Under an explorer the finalizer frees it: an access that comes too late is then a finding and not a broken heap.
        if (Check.Steps) return;
        Free();
        GC.SuppressFinalize(this);
    }

    private static long BytesFor(ulong pages, ulong hugePages) =>
        checked((long)(pages * (ulong)(sizeof(RmapHead) + sizeof(ushort)) + hugePages * (ulong)(sizeof(RmapHead) + sizeof(uint))));

    private void Free()
    {
        NativeBlock.Free(_pages);
        _pages = _hugePages = null;
        _disallowHuge = null;
        _writeTrack = null;
    }
}
