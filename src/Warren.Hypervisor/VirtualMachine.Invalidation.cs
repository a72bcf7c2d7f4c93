using System.Diagnostics;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Hypervisor;

public sealed unsafe partial class VirtualMachine
{
    private int _zaps;

    /// <summary>
    /// Removes every mapping of [<paramref name="start"/>, <paramref name="end"/>), with faults held off as a notification would, and
    /// flushes. Takes <c>mmu_lock</c>.
    /// </summary>
    internal void ZapGfnRange(int addressSpaceId, Gfn start, Gfn end)
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
    /// For a fault, or a write by the host, that no longer trusts its snapshot of the sequence (<see cref="OptimisticRetries"/>): looks the
    /// page up once more, under <see cref="MmuLock"/>, held in either mode. Inside the read section of <see cref="Srcu"/> that found
    /// <paramref name="slot"/> valid. What it finds may be used until <see cref="MmuLock"/> is released, whatever
    /// <see cref="InvalidationState"/> says.
    /// </summary>
    /// <remarks>
    /// The sequence moves with each invalidation of the VM, whatever its range, and a fault that takes longer than they are apart would
    /// start again for as long as they come; those that overlap in time cover all that lies between them besides. Here only an invalidation
    /// of that very page can still send it back.
    /// </remarks>
    /// <param name="slot">of the gfn</param>
    /// <param name="gfn">the page</param>
    /// <param name="write">as it was looked up before, without the lock; a lookup that would have to sleep gives up</param>
    /// <param name="mapping">what was found before; becomes what is there now</param>
    /// <param name="superseded">the frame of before, whose reference the caller puts once it has released the lock, or none</param>
    internal bool TryLookUp(Memslot slot, Gfn gfn, bool write, ref FrameMapping mapping, out Pfn superseded)
    {
        superseded = Pfn.None;
        // The question first, then the lookup: see IsInvalidating.
        if (IsInvalidating(slot, gfn)) return false;
        if (!Memory.TryFaultPresent(slot.GfnToHva(gfn), write, out var present)) return false;
        superseded = mapping.Pfn;
        mapping = present;
        return true;
    }

    /// <summary>
    /// Is the page itself being invalidated? After false, and only then, look the page up by <c>AddressSpace.TryFaultPresent</c>. As for
    /// <see cref="TryLookUp"/>.
    /// </summary>
    /// <remarks>
    /// <para>The counts and the range of <see cref="InvalidationState"/> are one union for all notifications: it covers what lies between
    /// two of them, and never closes while they overlap in time. The list of the address space has each one apart.</para>
    /// <para>Why it is enough. A notification N is put in the list, finds the slot, takes mmu_lock to zap, changes the host page table, and
    /// leaves the list, in this order. Not in the list, it has left it, and then the lookup, which comes after, sees what it changed; hence
    /// the question comes first. Or it has yet to be put in; then it finds the slot, which was in the index before it was published and
    /// stays there for as long as this read section lasts, and waits for mmu_lock until what we installed is there to be zapped. It is so
    /// whichever the gate: this rests on the order of N's own steps alone. An update that joins adds nothing but slots of notifications in
    /// the list; one that waits publishes when the list is empty.</para>
    /// <para>A zap of our own (<see cref="ZapGfnRange"/>) is in no list, and may drop mmu_lock on its way: it holds every such fault off
    /// until it is done.</para>
    /// </remarks>
    internal bool IsInvalidating(Memslot slot, Gfn gfn)
    {
        MmuLock.AssertHeld();
        Debug.Assert(slot.Contains(gfn));
        if (Shared.Read(ref _zaps, this) != 0) return true;
        var hva = slot.GfnToHva(gfn);
        return Memory.Notifiers.IsInvalidating(hva, hva + PageSize);
    }
}
