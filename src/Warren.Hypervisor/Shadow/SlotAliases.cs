using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Memory that a VM has under several gfns. A table is watched under the one that the guest named it by, so a store to it by way of another
/// goes unnoticed: from the first such memslot on each fence compares all tables with their shadows. (KVM had slots for aliases once, and
/// looked pages up by what they stood for; it leaves this case to its users now.) Stores past the VM, by its process or by another VM over
/// the same address space, are noticed only when the guest next fences after they were made known by
/// <see cref="VirtualMachine.WriteGuest"/> or a notification.
/// </summary>
internal sealed class SlotAliases(VirtualMachine vm)
{
    private bool _exist;

    /// <summary>There has been a memslot over memory that another one also had.</summary>
    public bool Exist => Atomics.Read(ref _exist, this);

    /// <summary>Before a slot is published. SlotsArchLock held.</summary>
    public void Note(Memslot slot)
    {
        if (_exist) return;
        foreach (var region in vm.Memory.Notifiers.RegionsOf(slot.Owner, slot.HvaStart, slot.HvaEnd))
        {
            if (region is Memslot other && (other.Id != slot.Id || other.AddressSpaceId != slot.AddressSpaceId))
                Atomics.Write(ref _exist, true, this);
        }
    }
}
