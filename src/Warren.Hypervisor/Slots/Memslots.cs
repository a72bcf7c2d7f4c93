using Warren.Locking;

namespace Warren.Hypervisor.Slots;

/// <summary>
/// The published set of slots of one address space (<c>struct kvm_memslots</c>): immutable but for its generation. An update publishes
/// another one that shares all but O(log n) of its tree. Read inside <see cref="VirtualMachine.Srcu"/> or with SlotsLock held.
/// </summary>
public sealed class Memslots
{
    /// <summary>
    /// Set in <see cref="Generation"/> while readers of the set before may still be about (<c>KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS</c>).
    /// </summary>
    public const ulong UpdateInProgress = 1UL << 63;

    private readonly GfnTree _tree;
    private readonly MemslotIdTable _ids;
    private ulong _generation;

    internal Memslots(int addressSpaceId, GfnTree tree, MemslotIdTable ids, ulong generation)
    {
        AddressSpaceId = addressSpaceId;
        _tree = tree;
        _ids = ids;
        _generation = generation;
    }

    public int AddressSpaceId { get; }
    public int Count => _tree.Count;

    /// <summary>
    /// Unique over all sets of the VM, each of which has two in its life: first that of the set before with <see cref="UpdateInProgress"/>,
    /// then its own.
    /// </summary>
    public ulong Generation
    {
        get => Atomics.Read(ref _generation, this);
        internal set => Atomics.Write(ref _generation, value, this);
    }

    internal GfnTree Tree => _tree;

    /// <summary>
    /// The slot that holds <paramref name="gfn"/>, valid or not, or null (<c>gfn_to_memslot</c>). O(log n), no lock, no allocation.
    /// </summary>
    public Memslot? Find(Gfn gfn) => _tree.Find(gfn);

    /// <summary>The slot with this id as of the last completed update, or null. SlotsLock must be held.</summary>
    public Memslot? FindById(int id) => _ids.Find(id);

    /// <summary>
    /// Does a slot other than <paramref name="exceptId"/> hold a gfn of [<paramref name="start"/>, <paramref name="end"/>)?
    /// </summary>
    public bool Overlaps(Gfn start, Gfn end, int exceptId = -1) => _tree.Overlaps(start, end, exceptId);

    /// <summary>By rising gfn.</summary>
    public GfnTree.Enumerator GetEnumerator() => _tree.GetEnumerator();
}
