using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Locking;

namespace Warren.Hypervisor.Slots;

/// <summary>
/// One address space of a VM: the published slots, the table of ids, and the step that publishes. Changed with SlotsLock held.
/// </summary>
internal sealed class MemslotSpace : ISlotsPublisher
{
    private Memslots _current;
    private Memslots? _pending;

    public MemslotSpace(int id)
    {
        Id = id;
        // Starting at the id and stepping by the number of spaces keeps generations unique across them.
        _current = new Memslots(id, GfnTree.Empty, Ids, (ulong)id);
    }

    public int Id { get; }
    public MemslotIdTable Ids { get; } = new();
    public Memslots Current => Atomics.Read(ref _current, this);

    /// <summary>
    /// Publishes the set with <paramref name="add"/> in place of <paramref name="remove"/>, either of which may be null, and exchanges the
    /// regions that notifications find, in a way that the gate answers for towards notifications in flight (the first half of
    /// <c>kvm_swap_active_memslots</c>). May sleep, if the gate does. When it throws, nothing is published.
    /// </summary>
    public Memslots Publish(InvalidationGate gate, Memslot? remove, Memslot? add)
    {
        var current = Current;
        var tree = current.Tree;
        if (remove is not null && add is not null && remove.BaseGfn == add.BaseGfn)
        {
            tree = tree.Replace(add);
        }
        else
        {
            if (remove is not null) tree = tree.Remove(remove.BaseGfn);
            if (add is not null) tree = tree.Add(add);
        }
        Shared.Write(ref _pending, new Memslots(Id, tree, Ids, current.Generation | Memslots.UpdateInProgress), this);
        gate.Publish(remove, add, this);
        return Current;
    }

    void ISlotsPublisher.Publish() => Atomics.Write(ref _current, Shared.Read(ref _pending, this)!, this);
}
