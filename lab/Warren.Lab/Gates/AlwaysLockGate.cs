using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>
/// mmu_lock for every notification, related or not, as KVM had it before v5.15. Nothing is elided, so nothing has to be agreed on; every
/// munmap of the process makes faults of all its VMs wait and start again.
/// </summary>
internal sealed class AlwaysLockGate(VirtualMachine vm) : LabGate(vm)
{
    protected override void Start(in MmuNotifierRange range, RegionBuffer found) => EnterForAll(range, found);

    protected override void End(in MmuNotifierRange range, RegionBuffer found) => Leave();

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots) => PublishNow(remove, add, slots);
}
