using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>
/// Start and end each look for slots, and each takes mmu_lock and counts only if it finds one; updates publish when they like. A slot that
/// comes or goes in between is found by one half alone.
/// </summary>
internal sealed class OneSidedGate(VirtualMachine vm) : LabGate(vm)
{
    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        var hit = Find(range, found);
        if (!hit.IsEmpty)
            Enter(range, hit);
    }

    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        if (!Find(range, found).IsEmpty)
            Leave();
    }

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots) => PublishNow(remove, add, slots);
}
