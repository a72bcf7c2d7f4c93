using Warren.HostMemory;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// An update does not wait for the notifications in flight: it lets those that overlap the new slot into the VM itself. Each notification
/// carries the list of VMs that will be told its end; the VM knows which notifications have raised its count. Neither side ever waits for
/// the other.
/// </summary>
/// <remarks>
/// A notification N is in the address space's list (L) before it looks slots up (U); an update publishes (P), goes through the list (K),
/// and bumps the sequence (B), P to B in one section of mmu_lock. L before K: N is joined, or had left the list, and then all it changed in
/// the host page table was changed before K: a fault that saw the new slot from P on, and the old host page, took its snapshot before B and
/// starts again. K before L: U finds the new slot, by the order of the list's lock. Whether a notification has entered the VM is asked and
/// answered under mmu_lock, in the section that raises the count, by start and update alike.
/// </remarks>
internal sealed class JoinGate(VirtualMachine vm) : InvalidationGate(vm), IInvalidationJoiner
{
    private readonly EnteredNotifications _entered = new();

    /// <summary>Notifications that have entered the VM and not left it; for checks.</summary>
    internal int EnteredCount => _entered.Count;

    public override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        Vm.MmuLock.WriteLock();
        Enter(range);
        // Joined or not: an update has nothing to zap, faults may have mapped other slots of the range until now.
        Zap(range, regions);
        Vm.MmuLock.WriteUnlock();
    }

    public override void End(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        Vm.MmuLock.WriteLock();
        _entered.Remove(range.Id);
        Vm.Invalidation.End();
        Vm.MmuLock.WriteUnlock();
    }

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        Vm.MmuLock.WriteLock();
        update.Store();
        slots.Publish();
        update.Join(this);
        Vm.Invalidation.Bump();
        Vm.MmuLock.WriteUnlock();
    }

    void IInvalidationJoiner.Join(in MmuNotifierRange range, NotifierRegion region)
    {
        Enter(range);
        // Also for one that is here through another slot: the same hva may lie at other gfns in this one.
        var (start, end) = ((Memslot)region).HvaRangeToGfns(range.Start, range.End);
        Vm.Invalidation.RangeAdd(start, end);
    }

    /// <summary>Raises the count, once for each notification: by its start or an update, whichever comes first.</summary>
    private void Enter(in MmuNotifierRange range)
    {
        if (!_entered.TryAdd(range.Id)) return;
        Vm.Invalidation.Begin();
        Vm.Counters.InvalidationRelated();
    }
}
