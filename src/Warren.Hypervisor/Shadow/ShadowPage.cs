using System.Runtime.InteropServices;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// One shadow page (<c>struct kvm_mmu_page</c>): the record of a table of 512 SPTEs that stands for a guest's table, or for a run of gfns.
/// Native memory; found from the address of any of its SPTEs (<see cref="ShadowMmu.PageOf"/>). All of it is under <c>mmu_lock</c> held for
/// write, except where said.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 192)]
internal unsafe struct ShadowPage
{
    /// <summary>
    /// Of the guest's table; of a direct page the first gfn it covers. With <see cref="Role"/> its key. Never changes while it is in use.
    /// </summary>
    public Gfn Gfn;
    private uint _role;
    /// <summary>The <see cref="ShadowMmu"/>'s generation when it was made, one bit; another one now: obsolete. Never changes.</summary>
    public int Generation;
    /// <summary>Its 512 SPTEs. Never changes.</summary>
    public ulong* Table;
    /// <summary>
    /// By index what an SPTE that is a leaf was made from: gfn in bits 12 and up, <see cref="GuestRights"/> in bits 0..3. Only this finds
    /// the reverse map again: the guest's table may have changed. Null for a direct page, whose leaves' gfns follow from its own.
    /// </summary>
    public ulong* Gfns;
    /// <summary>
    /// The guest's table in the host, null for a direct page. The frame needs no reference: as for a frame that an SPTE maps, the
    /// notification that precedes its end takes the shadow page away.
    /// </summary>
    public ulong* GuestTable;
    /// <summary>Next in its bucket of the hash; once it is prepared, next in the list of those to be freed.</summary>
    public ShadowPage* HashNext;
    /// <summary>The active list, in the order of creation.</summary>
    public ShadowPage* Older;
    public ShadowPage* Newer;
    /// <summary>The table entries that point at it.</summary>
    public RmapHead ParentPtes;
    /// <summary>vCPUs whose root it is, or one of those they keep ready.</summary>
    public int RootCount;
    /// <summary>Tracked writes to its table since something was last mapped through it.</summary>
    public int WriteFloodingCount;
    private int _unsync;
    private int _unsyncChildren;
    private fixed ulong _unsyncBitmap[8];

    /// <summary>Its flag <see cref="ShadowRole.Invalid"/> may be read without a lock; the rest never changes.</summary>
    public ShadowRole Role
    {
        get => new(Atomics.Read(ref _role));
        set => Atomics.Write(ref _role, value.Word);
    }

    /// <summary>
    /// The guest may write to its table without being noticed, so it may differ until the guest's next fence. Level 1 only. Read without a
    /// lock, too.
    /// </summary>
    public bool Unsync
    {
        get => Atomics.Read(ref _unsync) != 0;
        set => Atomics.Write(ref _unsync, value ? 1 : 0);
    }

    /// <summary>
    /// Entries that point at a page that is unsync or has such below it: the bits set in the bitmap. Read without a lock, too.
    /// </summary>
    public int UnsyncChildren => Atomics.Read(ref _unsyncChildren);

    /// <summary>True when it, or a page below it, may differ from its table.</summary>
    public bool MayDiffer => UnsyncChildren != 0 || Unsync;

    /// <summary>True when the entry's bit is set.</summary>
    public readonly bool IsUnsyncChild(int index) => (_unsyncBitmap[index >> 6] >> (index & 63) & 1) != 0;

    /// <summary>Sets or clears the entry's bit; false: it stood so already.</summary>
    public bool SetUnsyncChild(int index, bool value)
    {
        if (IsUnsyncChild(index) == value) return false;
        _unsyncBitmap[index >> 6] ^= 1UL << (index & 63);
        Atomics.Write(ref _unsyncChildren, UnsyncChildren + (value ? 1 : -1));
        return true;
    }

    /// <summary>The first entry at or behind <paramref name="from"/> whose bit is set, or 512.</summary>
    public readonly int NextUnsyncChild(int from)
    {
        for (var word = from >> 6; word < 8; word++)
        {
            var bits = _unsyncBitmap[word];
            if (word == from >> 6) bits &= ulong.MaxValue << (from & 63);
            if (bits != 0) return (word << 6) + System.Numerics.BitOperations.TrailingZeroCount(bits);
        }
        return SpteTable.EntryCount;
    }

    /// <summary>The gfn that an SPTE which is a leaf maps, the first one if it is huge.</summary>
    public readonly Gfn GfnAt(int index, int level) =>
        Gfns != null ? new(Gfns[index] >> 12) : Gfn + (ulong)index * SpteTable.PagesPerEntry(level);

    /// <summary>The rights that its guest gave when the leaf was made.</summary>
    public GuestRights RightsAt(int index) => Gfns != null ? (GuestRights)(Gfns[index] & 15) : Role.Rights;
}
