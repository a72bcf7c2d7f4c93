using System.Diagnostics;
using Warren.Locking;

namespace Warren.Hypervisor;

public sealed unsafe partial class VirtualMachine
{
    private int _zaps;

    /// <summary>
    /// Removes every mapping of [<paramref name="start"/>, <paramref name="end"/>), with faults held off as a notification would, and flushes.
    /// Takes <c>mmu_lock</c>.
    /// </summary>
    internal void ZapGfnRange(int addressSpaceId, ulong start, ulong end)
    {
        MmuLock.WriteLock();
        Shared.Write(ref _zaps, Shared.Read(ref _zaps, this) + 1, this);
        Invalidation.Begin();
        Invalidation.RangeAdd(start, end);
        if (Mmu.UnmapGfnRange(addressSpaceId, start, end, mayBlock: true)) FlushRemoteTlbs();
        Invalidation.End();
        Shared.Write(ref _zaps, Shared.Read(ref _zaps, this) - 1, this);
        MmuLock.WriteUnlock();
    }

    /// <summary>
    /// For a fault, or a write by the host, that insists (<see cref="FaultPatience"/>): is the page itself being invalidated? Ask with <see cref="MmuLock"/> held, in either mode, inside the read
    /// section of <see cref="Srcu"/> that found <paramref name="slot"/> valid. After false, and only then, look the page up by <c>AddressSpace.TryFaultPresent</c>: what that finds may be
    /// used until <see cref="MmuLock"/> is released, whatever <see cref="InvalidationState"/> says.
    /// </summary>
    /// <remarks>
    /// <para>The counts and the range of <see cref="InvalidationState"/> are one union for all notifications: it covers what lies between two of them, and never closes while
    /// they overlap in time. The list of the address space has each one apart.</para>
    /// <para>Why it is enough. A notification N is put in the list, finds the slot, takes mmu_lock to zap, changes the host page table, and leaves the list, in this order. Not in the list, it has left it,
    /// and then the lookup, which comes after, sees what it changed; hence the question comes first. Or it has yet to be put in; then it finds the slot, which was in the index before it was
    /// published and stays there for as long as this read section lasts, and waits for mmu_lock until what we installed is there to be zapped. It is so whichever the gate: this rests on the order of N's own
    /// steps alone. An update that joins adds nothing but slots of notifications in the list; one that waits publishes when the list is empty.</para>
    /// <para>A zap of our own (<see cref="ZapGfnRange"/>) is in no list, and may drop mmu_lock on its way: it holds every such fault off until it is done.</para>
    /// </remarks>
    internal bool IsInvalidating(Memslot slot, ulong gfn)
    {
        MmuLock.AssertHeld();
        Debug.Assert(slot.Contains(gfn));
        if (Shared.Read(ref _zaps, this) != 0) return true;
        var hva = slot.GfnToHva(gfn);
        return Memory.Notifiers.IsInvalidating(hva, hva + PageSize);
    }
}
