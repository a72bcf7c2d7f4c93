namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Descriptors kept ready, one such cache a vCPU, so that nothing is allocated while <c>mmu_lock</c> is held. An addition uses at most one;
/// a fault makes one for the leaf and one for each table it links.
/// </summary>
internal unsafe struct RmapCache
{
    public const int Capacity = 8;
    private fixed ulong _descriptors[Capacity];
    private int _count;

    /// <summary>Fills it up, with no spinning lock held. False: the host has no memory.</summary>
    public bool TryTopUp(RmapPool pool)
    {
        while (_count < Capacity)
        {
            var descriptor = pool.TryAllocate();
            if (descriptor == null) return false;
            _descriptors[_count++] = (ulong)descriptor;
        }
        return true;
    }

    public readonly int Count => _count;

    /// <summary>One, or null when there is none left.</summary>
    public RmapDescriptor* Take() => _count == 0 ? null : (RmapDescriptor*)_descriptors[--_count];

    public void Drain(RmapPool pool)
    {
        while (_count > 0) pool.Free(Take());
    }
}
