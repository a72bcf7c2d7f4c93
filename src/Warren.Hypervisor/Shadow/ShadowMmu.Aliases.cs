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
internal sealed unsafe partial class ShadowMmu
{
    private bool _aliased;

    /// <summary>There has been a memslot over memory that another one also had.</summary>
    internal bool IsAliased => Atomics.Read(ref _aliased, this);

    /// <summary>Before a slot is published. SlotsArchLock held.</summary>
    private void NoteAliases(Memslot slot)
    {
        if (_aliased) return;
        foreach (var region in _vm.Memory.Notifiers.RegionsOf(slot.Owner, slot.HvaStart, slot.HvaEnd))
        {
            if (region is Memslot other && (other.Id != slot.Id || other.AddressSpaceId != slot.AddressSpaceId))
                Atomics.Write(ref _aliased, true, this);
        }
    }

    /// <summary>The debt of a fence in a VM with aliases. mmu_lock held for write, inside SRCU.</summary>
    private void SyncAliases(ref bool flush)
    {
        if (!IsAliased) return;
        for (var page = NewestPage; page != null && !IsObsolete(page); page = page->Older)
        {
            if (!page->Role.Direct) SyncPage(page, ref flush);
        }
    }
}
