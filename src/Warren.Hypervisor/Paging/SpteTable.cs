using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Warren.Locking;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// The metadata of one table page (KVM's <c>struct kvm_mmu_page</c>, as far as a TDP MMU needs it; a shadow MMU keeps the rest in a record
/// of its own): one cache line, outside the page itself.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct TableInfo
{
    /// <summary>First gfn the table covers.</summary>
    public Gfn Gfn;
    /// <summary>1 (4 KiB) to 5.</summary>
    public int Level;
    /// <summary>Roots of a TDP MMU only: the memslot address space (its role). Two roots of one role are never both valid.</summary>
    public int AddressSpaceId;
    /// <summary>
    /// Roots only; under MmuPagesLock. One per vCPU that loaded it, one per walker, one of the MMU itself until invalidated and zapped.
    /// </summary>
    public int RootCount;
    /// <summary>Roots only; set with mmu_lock held for write, never cleared.</summary>
    public int Invalid;
    /// <summary>Roots only: invalidated, and the MMU's own reference still waits for the zap.</summary>
    public int ScheduledZap;
    /// <summary>Link in the root list, the free list or the retired list; a page is on at most one of them.</summary>
    public ulong* Next;
    /// <summary>Shadow MMU only: the record of the shadow page whose table this is; null under TDP.</summary>
    public void* ShadowPage;
}

/// <summary>A 4 KiB page of 512 entries. The wrapper finds the page's metadata by address.</summary>
internal readonly unsafe struct SpteTable(ulong* entries) : IEquatable<SpteTable>
{
    public const int EntryCount = 512;
    public const int IndexBits = 9;
    /// <summary>Guest physical addresses have 48 bits.</summary>
    public const int AddressBits = 48;

    public ulong* Entries => entries;
    public bool IsNull => entries == null;
    public ref TableInfo Info => ref *TableAllocator.InfoOf(entries);

    /// <summary>No entries, and nothing recorded: as <see cref="TableAllocator.MakeNew"/> leaves it. For checks.</summary>
    public bool IsNew =>
        NextUsed(entries, 0) == EntryCount
        && !new ReadOnlySpan<byte>(TableAllocator.InfoOf(entries), sizeof(TableInfo)).ContainsAnyExcept((byte)0);

    public ref ulong this[int index] => ref entries[index];

    /// <summary><see cref="TableInfo.Next"/>, under MmuPagesLock unless nobody else knows the page.</summary>
    public ulong* Next
    {
        get => (ulong*)Shared.Read(ref *(nuint*)&TableAllocator.InfoOf(entries)->Next);
        set => Shared.Write(ref *(nuint*)&TableAllocator.InfoOf(entries)->Next, (nuint)value);
    }

    /// <summary><see cref="TableInfo.RootCount"/>, under MmuPagesLock.</summary>
    public int RootCount
    {
        get => Shared.Read(ref Info.RootCount);
        set => Shared.Write(ref Info.RootCount, value);
    }

    /// <summary>
    /// <see cref="TableInfo.ScheduledZap"/>: set with mmu_lock held for write, cleared by the zapper, with SlotsLock held.
    /// </summary>
    public bool ScheduledZap
    {
        get => Shared.Read(ref Info.ScheduledZap) != 0;
        set => Shared.Write(ref Info.ScheduledZap, value ? 1 : 0);
    }

    /// <summary>Number of 4 KiB pages one entry of a table of this level covers.</summary>
    public static ulong PagesPerEntry(int level) => 1UL << (level - 1) * IndexBits;

    /// <summary>The entry for a page, by its gfn or its root address (<see cref="Mmu"/>) without the 12 bits of the offset.</summary>
    public static int IndexOf(ulong rootPage, int level) => (int)(rootPage >> (level - 1) * IndexBits) & EntryCount - 1;

    /// <inheritdoc cref="IndexOf(ulong, int)"/>
    public static int IndexOf(Gfn gfn, int level) => IndexOf(gfn.Value, level);

    /// <summary>
    /// Index of the first entry at or behind <paramref name="from"/> that is not empty, or <see cref="EntryCount"/>; what is filled
    /// meanwhile may be missed.
    /// </summary>
    public static int NextUsed(ulong* table, int from)
    {
        while (from < EntryCount && (from & 7) != 0)
        {
            if (table[from] != 0) return from;
            from++;
        }
        while (from < EntryCount && Vector512.Load(table + from) == Vector512<ulong>.Zero) from += 8;
        while (from < EntryCount && table[from] == 0) from++;
        return from;
    }

    public bool Equals(SpteTable other) => entries == other.Entries;
    public override bool Equals(object? obj) => obj is SpteTable other && Equals(other);
    public override int GetHashCode() => ((nint)entries).GetHashCode();
}
