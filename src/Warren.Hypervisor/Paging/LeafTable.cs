namespace Warren.Hypervisor.Paging;

/// <summary>
/// The valid root of an address space and the leaf table last found in it, so that neighbouring chunks are reached by one walk. Holds for
/// one section of mmu_lock held for write: within it no table is unlinked and no root becomes obsolete.
/// </summary>
/// <param name="root">null when the address space has no valid root: there is never a second one</param>
/// <param name="addressSpaceId">address space of the root</param>
internal unsafe struct LeafTable(SpteTable root, int addressSpaceId)
{
    private readonly int _role = addressSpaceId + 1;
    private ulong _number;

    public readonly SpteTable Root => root;

    /// <summary>The 512 entries, or null when none was found yet.</summary>
    public ulong* Entries { get; private set; }

    /// <summary>False for the default value, whatever the address space.</summary>
    public readonly bool IsOf(int addressSpaceId) => _role == addressSpaceId + 1;

    public readonly bool Covers(Gfn gfn) => Entries != null && _number == gfn.Value / SpteTable.EntryCount;

    public void Set(Gfn gfn, ulong* entries)
    {
        _number = gfn.Value / SpteTable.EntryCount;
        Entries = entries;
    }
}
