namespace Warren.Hypervisor;

/// <summary>Slot by id within one address space: a plain array, under SlotsLock.</summary>
internal sealed class MemslotIdTable
{
    private Memslot?[] _slots = new Memslot?[32];

    public Memslot? Find(int id) => (uint)id < (uint)_slots.Length ? _slots[id] : null;

    /// <summary>Makes room for <paramref name="id"/>, so that a later <see cref="Set"/> cannot fail.</summary>
    public void Reserve(int id)
    {
        if (id < _slots.Length) return;
        Array.Resize(ref _slots, Math.Min(Math.Max(id + 1, 2 * _slots.Length), VirtualMachine.UserMemslots));
    }

    public void Set(int id, Memslot? slot) => _slots[id] = slot;
}
