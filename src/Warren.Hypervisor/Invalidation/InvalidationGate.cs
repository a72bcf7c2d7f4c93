using Warren.HostMemory;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// Keeps the start and the end of a notification agreed on whether they entered a VM, while the VM's memslots change underneath. One per
/// VM; a <see cref="GateKind"/> makes it. What every gate must guarantee: from the return of a start to its end no fault maps a page of the
/// range, also through slots that appear in between, and each start that raised the VM's count has one end that lowers it.
/// </summary>
internal abstract class InvalidationGate
{
    protected InvalidationGate(VirtualMachine vm) => Vm = vm;

    protected VirtualMachine Vm { get; }

    /// <summary>
    /// A notification begins: raise the count, add the range, zap, flush. Inside the VM's SRCU section. Never sleeps, and
    /// drops mmu_lock for those who wait only where the range is blockable.
    /// </summary>
    /// <param name="range">Names the notification, too.</param>
    /// <param name="regions">The VM's slots that the notification found; of them only what never changes.</param>
    public abstract void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    /// <summary>
    /// It ends, for a notification that has entered the VM. Inside the VM's SRCU section; never sleeps.
    /// </summary>
    public abstract void End(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions);

    /// <summary>
    /// A memslot update: publishes the new set of slots and the regions that notifications find. slots_lock and slots_arch_lock are held.
    /// When it throws, nothing is published.
    /// </summary>
    public abstract void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots);

    /// <summary>The VM is unsubscribed, and no callback of it runs; ends of notifications that had entered it will not come.</summary>
    public virtual void Destroy()
    {
    }

    /// <summary>
    /// Adds what the regions have of the range to what open invalidations cover, and removes their mappings; mmu_lock held for write, the
    /// count raised.
    /// </summary>
    protected void Zap(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        var flush = false;
        foreach (var region in regions)
        {
            var slot = (Memslot)region;
            var (start, end) = slot.HvaRangeToGfns(range.Start, range.End);
            Vm.Invalidation.RangeAdd(start, end);
            flush |= Vm.Mmu.UnmapGfnRange(slot.AddressSpaceId, start, end, range.Blockable);
        }
        // Before unlocking: who gets the lock next may find nothing left to zap, and would not flush what vCPUs still hold.
        if (flush) Vm.FlushRemoteTlbs();
    }

    /// <summary>The end of a notification that raised the count.</summary>
    protected void Leave()
    {
        Vm.MmuLock.WriteLock();
        Vm.Invalidation.End();
        Vm.MmuLock.WriteUnlock();
    }
}
