using Warren.Locking;

namespace Warren.Hypervisor.Slots;

/// <summary>Slot by id within one address space: a plain array, under SlotsLock.</summary>
internal sealed class MemslotIdTable
{
    private Memslot?[] _slots = new Memslot?[32];

    private Memslot?[] Slots => Shared.Read(ref _slots, this);

    public Memslot? Find(int id)
    {
        var slots = Slots;
        return (uint)id < (uint)slots.Length ? Shared.Read(ref slots[id], slots) : null;
    }

    /// <summary>Makes room for <paramref name="id"/>, so that a later <see cref="Set"/> cannot fail.</summary>
    public void Reserve(int id)
    {
        var slots = Slots;
        if (id < slots.Length) return;
        Array.Resize(ref slots, Math.Min(Math.Max(id + 1, 2 * slots.Length), VirtualMachine.UserMemslots));
        Shared.Write(ref _slots, slots, this);
    }

    public void Set(int id, Memslot? slot)
    {
        var slots = Slots;
        Shared.Write(ref slots[id], slot, slots);
    }
}
