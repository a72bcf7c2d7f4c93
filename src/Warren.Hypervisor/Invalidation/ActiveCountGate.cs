using Warren.HostMemory;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// KVM's gate: an update waits until no notification of the address space is in flight, so that start and end of each see one set of slots.
/// Notifications never wait, so there is no lock cycle and nesting is safe; in exchange an unbroken stream of overlapping notifications,
/// related or not, starves the update for as long as it lasts, as it does in KVM.
/// </summary>
internal sealed class ActiveCountGate(VirtualMachine vm) : InvalidationGate(vm)
{
    public override void Start(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        Vm.MmuLock.WriteLock();
        Vm.Invalidation.Begin();
        Vm.Counters.InvalidationRelated();
        Zap(range, regions);
        Vm.MmuLock.WriteUnlock();
    }

    public override void End(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Leave();

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots) => Vm.Memory.Notifiers.Update(remove, add, slots);
}
