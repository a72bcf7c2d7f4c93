using Warren.HostMemory;
using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>What the broken relatives of <see cref="GateKind.Join"/> share: its steps, each of which one of them gets wrong.</summary>
internal abstract class JoinVariant(VirtualMachine vm) : InvalidationGate(vm), IInvalidationJoiner
{
    public override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        Vm.MmuLock.WriteLock();
        if (range.Enter(Vm.Notifier))
            Begin();
        Zap(range, regions);
        Vm.MmuLock.WriteUnlock();
    }

    public override void End(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Leave();

    public override void Publish(Memslot? remove, Memslot? add, IRegionPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        Vm.MmuLock.WriteLock();
        PublishLocked(update, slots);
        Vm.MmuLock.WriteUnlock();
    }

    public virtual void Join(in MmuNotifierRange range, NotifierRegion region, bool enters)
    {
        if (enters)
            Begin();
        AddRange(range, region);
    }

    protected virtual void PublishLocked(in RegionUpdate update, IRegionPublisher slots)
    {
        update.Store();
        slots.Publish();
        update.Join(this);
        Vm.Invalidation.Bump();
    }

    protected void Begin()
    {
        Vm.Invalidation.Begin();
        Vm.Counters.InvalidationRelated();
    }

    protected void AddRange(in MmuNotifierRange range, NotifierRegion region)
    {
        var (start, end) = ((Memslot)region).HvaRangeToGfns(range.Start, range.End);
        Vm.Invalidation.RangeAdd(start, end);
    }
}

/// <summary>
/// The update does not bump the sequence: a notification that missed the slot, and left the list between the publication and the walk, is noticed by no
/// fault that saw the slot before.
/// </summary>
internal sealed class JoinWithoutBump(VirtualMachine vm) : JoinVariant(vm)
{
    protected override void PublishLocked(in RegionUpdate update, IRegionPublisher slots)
    {
        update.Store();
        slots.Publish();
        update.Join(this);
    }
}

/// <summary>A start that finds its notification joined already leaves the zap out: faults have mapped other slots of the range until now.</summary>
internal sealed class JoinWithoutZap(VirtualMachine vm) : JoinVariant(vm)
{
    public override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        Vm.MmuLock.WriteLock();
        if (range.Enter(Vm.Notifier))
        {
            Begin();
            Zap(range, regions);
        }

        Vm.MmuLock.WriteUnlock();
    }
}

/// <summary>The update publishes and bumps, and joins nobody: a fault through the new slot maps a page of a notification in flight.</summary>
internal sealed class JoinNobody(VirtualMachine vm) : JoinVariant(vm)
{
    protected override void PublishLocked(in RegionUpdate update, IRegionPublisher slots)
    {
        update.Store();
        slots.Publish();
        Vm.Invalidation.Bump();
    }
}

/// <summary>An update adds the new slot's range only for notifications that enter by it: one that is there through another slot does not cover the new one.</summary>
internal sealed class JoinRangeOnEntryOnly(VirtualMachine vm) : JoinVariant(vm)
{
    public override void Join(in MmuNotifierRange range, NotifierRegion region, bool enters)
    {
        if (!enters)
            return;
        Begin();
        AddRange(range, region);
    }
}

/// <summary>The update goes through the list before it publishes: who begins in between is not joined, and finds the old slots.</summary>
internal sealed class JoinBeforeStore(VirtualMachine vm) : JoinVariant(vm)
{
    protected override void PublishLocked(in RegionUpdate update, IRegionPublisher slots)
    {
        update.Join(this);
        update.Store();
        slots.Publish();
        Vm.Invalidation.Bump();
    }
}

/// <summary>The new slots are published before mmu_lock is taken: a fault finds them, and maps, before anybody is joined.</summary>
internal sealed class JoinPublishUnlocked(VirtualMachine vm) : JoinVariant(vm)
{
    public override void Publish(Memslot? remove, Memslot? add, IRegionPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        update.Store();
        slots.Publish();
        Vm.MmuLock.WriteLock();
        update.Join(this);
        Vm.Invalidation.Bump();
        Vm.MmuLock.WriteUnlock();
    }
}

/// <summary>A start counts although an update has let it in: its one end leaves the count up for ever, and faults of the range retry as long.</summary>
internal sealed class JoinCountsTwice(VirtualMachine vm) : JoinVariant(vm)
{
    public override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        Vm.MmuLock.WriteLock();
        range.Enter(Vm.Notifier);
        Begin();
        Zap(range, regions);
        Vm.MmuLock.WriteUnlock();
    }
}

/// <summary>A start enters before it has mmu_lock: an update takes the count for raised, and adds its range to none.</summary>
internal sealed class JoinEntersUnlocked(VirtualMachine vm) : JoinVariant(vm)
{
    public override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        var enters = range.Enter(Vm.Notifier);
        Vm.MmuLock.WriteLock();
        if (enters)
            Begin();
        Zap(range, regions);
        Vm.MmuLock.WriteUnlock();
    }
}
