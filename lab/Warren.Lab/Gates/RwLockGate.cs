using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// A spinning reader-writer lock held for read from start to end, so that non-blockable notifications are served alike. But start to end is
/// one section: whoever sleeps in between, the caller or another subscriber, sleeps with a spinning lock held.
/// </summary>
internal sealed class RwLockGate(VirtualMachine vm) : LabGate(vm)
{
    private RwLock _slots = new(LabLocks.MemslotsRwLock);

    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        _slots.ReadLock();
        var hit = Find(range, found);
        if (!hit.IsEmpty)
            Enter(range, hit);
    }

    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        if (!Find(range, found).IsEmpty)
            Leave();
        _slots.ReadUnlock();
    }

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        _slots.WriteLock();
        Store(update, slots);
        _slots.WriteUnlock();
    }

    /// <summary>As for the semaphore: whoever still holds it never gives it back.</summary>
    public override void Destroy()
    {
        base.Destroy();
        _slots = new(LabLocks.MemslotsRwLock);
    }
}
