namespace Warren.Hypervisor.Slots;

/// <summary>
/// Remembers the slot of the last lookup while the slots keep their generation (KVM's per-vCPU <c>last_used_slot</c>). One per vCPU and
/// address space, used by its thread alone, inside <see cref="VirtualMachine.Srcu"/>.
/// </summary>
public struct LastUsedSlot
{
    private ulong _generation;
    private Memslot? _slot;

    /// <summary>As <see cref="Memslots.Find"/>, in two comparisons when the slot is still the one found last.</summary>
    public Memslot? Find(Memslots slots, Gfn gfn)
    {
        var generation = slots.Generation;
        var slot = _slot;
        if (slot is not null && generation == _generation && slot.Contains(gfn)) return slot;
        slot = slots.Find(gfn);
        // A lookup that finds nothing keeps what is there: MMIO must not push RAM out. What is there is of an older generation at worst.
        if (slot is null) return null;
        _slot = slot;
        _generation = generation;
        return slot;
    }
}
