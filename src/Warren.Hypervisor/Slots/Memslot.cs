using System.Diagnostics;
using Warren.HostMemory;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Shadow;
using Warren.Locking;

namespace Warren.Hypervisor.Slots;

/// <summary>
/// A range of guest physical pages backed by a range of host virtual addresses (<c>struct kvm_memory_slot</c>). Never changes but for
/// <see cref="IsInvalid"/> and, once, <see cref="Rmaps"/>: an update publishes another object. Read it inside
/// <see cref="VirtualMachine.Srcu"/>, with SlotsLock held, or in a notifier callback.
/// </summary>
public sealed class Memslot : NotifierRegion
{
    private uint _flags;
    private DirtyBitmap? _dirtyBitmap;
    private SlotRmaps? _rmaps;

    internal Memslot(MmuNotifier owner, int addressSpaceId, int id, Gfn baseGfn, ulong pageCount, Hva userspaceAddress,
        MemslotFlags flags)
        : base(owner, userspaceAddress, userspaceAddress + (pageCount << VirtualMachine.PageShift))
    {
        Debug.Assert(pageCount != 0);
        AddressSpaceId = addressSpaceId;
        Id = id;
        BaseGfn = baseGfn;
        NPages = pageCount;
        _flags = (uint)flags;
    }

    public int Id { get; }
    public int AddressSpaceId { get; }
    public Gfn BaseGfn { get; }
    /// <summary>Pages of 4 KiB, at least one.</summary>
    public ulong NPages { get; }
    /// <summary>One past the last gfn.</summary>
    public Gfn EndGfn => BaseGfn + NPages;
    public Hva UserspaceAddress => HvaStart;
    public MemslotFlags Flags => (MemslotFlags)Atomics.Read(ref _flags, this);

    /// <summary>On its way out: faults start again, and if the update fails it becomes valid again. Written with SlotsLock held.</summary>
    public bool IsInvalid
    {
        get => (Flags & MemslotFlags.Invalid) != 0;
        internal set => Atomics.Write(ref _flags, (uint)(value ? Flags | MemslotFlags.Invalid : Flags & ~MemslotFlags.Invalid), this);
    }

    public bool IsReadOnly => (Flags & MemslotFlags.ReadOnly) != 0;
    public bool LogsDirtyPages => (Flags & MemslotFlags.LogDirtyPages) != 0;

    /// <summary>
    /// The dirty log, or null. Shared by the objects that stand for one slot in turn; freed a grace period after the last that logs.
    /// </summary>
    public DirtyBitmap? DirtyBitmap
    {
        get => Shared.Read(ref _dirtyBitmap, this);
        internal set => Shared.Write(ref _dirtyBitmap, value, this);
    }

    /// <summary>
    /// A shadow MMU's data for the slot, from the first root on; null before and with TDP. Written with SlotsArchLock held, to a published
    /// object or to one that is about to be; an update reads it under that lock and publishes before it lets go. The objects that stand for
    /// one slot in turn share it; freed as <see cref="DirtyBitmap"/> is.
    /// </summary>
    internal SlotRmaps? Rmaps
    {
        get => Shared.Read(ref _rmaps, this);
        set => Shared.Write(ref _rmaps, value, this);
    }

    /// <summary>Does it hold <paramref name="gfn"/>? One comparison: below the base wraps to a huge offset.</summary>
    public bool Contains(Gfn gfn) => gfn - BaseGfn < NPages;

    /// <summary>
    /// Host virtual address of the first byte of <paramref name="gfn"/>, which the slot must hold (<c>__gfn_to_hva_memslot</c>).
    /// </summary>
    public Hva GfnToHva(Gfn gfn)
    {
        Debug.Assert(Contains(gfn));
        return HvaStart + ((gfn - BaseGfn) << VirtualMachine.PageShift);
    }

    /// <summary>
    /// The gfns, end excluded, that have a byte in [<paramref name="hvaStart"/>, <paramref name="hvaEnd"/>); the two ranges must overlap.
    /// </summary>
    internal (Gfn Start, Gfn End) HvaRangeToGfns(Hva hvaStart, Hva hvaEnd)
    {
        var start = Hva.Max(hvaStart, HvaStart) - HvaStart;
        var end = Hva.Min(hvaEnd, HvaEnd) - HvaStart;
        Debug.Assert(start < end);
        return (BaseGfn + (start >> VirtualMachine.PageShift), BaseGfn + ((end + VirtualMachine.PageSize - 1) >> VirtualMachine.PageShift));
    }

    internal UserMemoryRegion ToRegion() => new()
    {
        Slot = (uint)Id | (uint)AddressSpaceId << 16,
        Flags = Flags,
        GuestPhysicalAddress = BaseGfn.Gpa,
        MemorySize = NPages << VirtualMachine.PageShift,
        UserspaceAddress = HvaStart,
    };

    public override string ToString() => ToRegion().ToString();
}
