using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// A reader-writer semaphore around the slots: a blockable notification holds it for read from its start to its end, an update for write.
/// Who may not sleep cannot take it, and takes mmu_lock in both halves instead. Proposed in 2021; lockdep found the circle.
/// </summary>
internal class RwSemGate(VirtualMachine vm) : LabGate(vm)
{
    private RwSemaphore _slots = new(LabLocks.MemslotsRwSem);

    protected RwSemaphore Slots => _slots;

    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        if (!TryHold(range))
        {
            EnterForAll(range, found);
            return;
        }

        var hit = Find(range, found);
        if (!hit.IsEmpty)
            Enter(range, hit);
    }

    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        if (!Holds(range))
        {
            Leave();
            return;
        }

        // The same as at the start: no update came in between.
        if (!Find(range, found).IsEmpty)
            Leave();
        _slots.UpRead();
    }

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        _slots.DownWrite();
        Store(update, slots);
        _slots.UpWrite();
    }

    /// <summary>
    /// A notification that had entered will not be told its end, and never gives the semaphore back: a new one takes its place.
    /// </summary>
    public override void Destroy()
    {
        base.Destroy();
        _slots = new(LabLocks.MemslotsRwSem);
    }

    /// <summary>True when a notification of this kind holds the semaphore from start to end.</summary>
    protected virtual bool Holds(in MmuNotifierRange range) => range.Blockable;

    private bool TryHold(in MmuNotifierRange range)
    {
        if (!Holds(range))
            return false;
        Acquire(range);
        return true;
    }

    protected virtual void Acquire(in MmuNotifierRange range) => _slots.DownRead();
}

/// <summary>
/// The same, and who may not sleep tries again and again. The update that is queued in front may be waiting for a reader who waits for the
/// one who tries.
/// </summary>
internal sealed class TryLockGate(VirtualMachine vm) : RwSemGate(vm)
{
    protected override bool Holds(in MmuNotifierRange range) => true;

    protected override void Acquire(in MmuNotifierRange range)
    {
        if (range.Blockable)
        {
            Slots.DownRead();
            return;
        }

        for (var spin = default(SpinState); !Slots.TryDownRead();)
            Cpu.Relax(ref spin);
    }
}
