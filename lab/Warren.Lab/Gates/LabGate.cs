using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>
/// The common part of the gates of the lab: they are told of every notification, look slots up themselves, at their start and again at
/// their end, and publish without regard to the list of notifications in flight that the production gates use.
/// </summary>
internal abstract class LabGate : InvalidationGate
{
    private readonly Listener _listener;

    protected LabGate(VirtualMachine vm)
        : base(vm)
    {
        _listener = new Listener(this);
        vm.Memory.Notifiers.Register(_listener);
        using var update = vm.Memory.Notifiers.BeginUpdate(null, new Everything(_listener));
        update.Store();
    }

    /// <summary>Nothing: the listener has been told, or will be.</summary>
    public sealed override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
    }

    /// <inheritdoc cref="Start(in MmuNotifierRange, ReadOnlySpan{NotifierRegion})"/>
    public sealed override void End(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
    }

    public override void Destroy() => Vm.Memory.Notifiers.Unregister(_listener);

    /// <param name="found">Empty; what <see cref="Find"/> fills.</param>
    protected abstract void Start(in MmuNotifierRange range, RegionBuffer found);

    /// <param name="found">Empty; what <see cref="Find"/> fills.</param>
    protected abstract void End(in MmuNotifierRange range, RegionBuffer found);

    /// <summary>The VM's slots that overlap the range, as published now.</summary>
    protected ReadOnlySpan<NotifierRegion> Find(in MmuNotifierRange range, RegionBuffer found)
    {
        found.Clear();
        Vm.Memory.Notifiers.Collect(range.Start, range.End, found);
        if (found.Count == 0)
            return default;
        found.Group();
        return found.RunOf(Vm.Notifier);
    }

    /// <summary>A related notification begins: count, range, zap, under mmu_lock.</summary>
    protected void Enter(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> hit)
    {
        Vm.MmuLock.WriteLock();
        Begin();
        Zap(range, hit);
        Vm.MmuLock.WriteUnlock();
    }

    /// <summary>
    /// A notification begins that may hit slots which are not there yet: no fault passes while it is open, whatever its page.
    /// </summary>
    protected void EnterForAll(in MmuNotifierRange range, RegionBuffer found)
    {
        Vm.MmuLock.WriteLock();
        Begin();
        Vm.Invalidation.RangeAdd(new Gfn(0), VirtualMachine.EndGfn);
        // Under the lock: a slot published after this lookup is used by faults that find the count raised.
        Zap(range, Find(range, found));
        Vm.MmuLock.WriteUnlock();
    }

    protected void Begin()
    {
        Vm.Invalidation.Begin();
        Vm.Counters.InvalidationRelated();
    }

    /// <summary>The regions first: who finds the slot in the new set can rely on notifications to find it, too.</summary>
    protected static void Store(in RegionUpdate update, ISlotsPublisher slots)
    {
        update.Store();
        slots.Publish();
    }

    protected void PublishNow(Memslot? remove, Memslot? add, ISlotsPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        Store(update, slots);
    }

    /// <summary>
    /// All there is to be notified of: what each notification was for a VM before those that hit no slot of its could be elided.
    /// </summary>
    private sealed class Everything(MmuNotifier owner) : NotifierRegion(owner, default, AddressSpace.AddressLimit);

    /// <summary>
    /// Hears every notification for the gate. The VM's own notifier goes on aging, and zaps what is mapped when the address space goes.
    /// </summary>
    private sealed class Listener(LabGate gate) : MmuNotifier
    {
        public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            var srcu = gate.Vm.Srcu.ReadLock();
            var found = InvalidationRecord.Take();
            gate.Start(range, found.Regions);
            found.Return();
            gate.Vm.Srcu.ReadUnlock(srcu);
            return true;
        }

        public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            var srcu = gate.Vm.Srcu.ReadLock();
            var found = InvalidationRecord.Take();
            gate.End(range, found.Regions);
            found.Return();
            gate.Vm.Srcu.ReadUnlock(srcu);
        }

        public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;
    }
}
