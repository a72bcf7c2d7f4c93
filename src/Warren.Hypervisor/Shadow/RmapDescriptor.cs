namespace Warren.Hypervisor.Shadow;

/// <summary>
/// One link of a chain of SPTE addresses (KVM's <c>pte_list_desc</c>): two cache lines of native memory, owned by the chain. Free ones are
/// linked by <see cref="Next"/>.
/// </summary>
internal unsafe struct RmapDescriptor
{
    /// <summary>Addresses one descriptor holds.</summary>
    public const int Capacity = 14;

    /// <summary>The next one, which is full, or null.</summary>
    public RmapDescriptor* Next;
    /// <summary>Addresses held here, 1 to <see cref="Capacity"/>.</summary>
    public int Count;
    /// <summary>Addresses held by all descriptors behind this one: the position of the first one here.</summary>
    public int Behind;
    private fixed ulong _entries[Capacity];

    public ulong* this[int index]
    {
        readonly get => (ulong*)_entries[index];
        set => _entries[index] = (ulong)value;
    }
}
