namespace Warren.Hypervisor.Paging;

/// <summary>
/// Table pages a vCPU keeps ready, so that a fault allocates nothing while it holds <c>mmu_lock</c> (KVM's memory caches).
/// One mapping links at most three tables; a fourth serves a new root.
/// </summary>
internal unsafe struct TableCache
{
    public const int Capacity = 4;
    private fixed ulong _pages[Capacity];
    private int _count;

    /// <summary>Fills it up, with no spinning lock held. False: the host has no memory for tables.</summary>
    public bool TryTopUp(TableAllocator allocator)
    {
        while (_count < Capacity)
        {
            var table = allocator.TryAllocate();
            if (table.IsNull) return false;
            Push(table);
        }
        return true;
    }

    public readonly bool IsEmpty => _count == 0;

    /// <summary>True when all in it is as good as new. For checks.</summary>
    public readonly bool IsNew
    {
        get
        {
            for (var i = 0; i < _count; i++)
            {
                if (!new SpteTable((ulong*)_pages[i]).IsNew) return false;
            }
            return true;
        }
    }

    /// <summary>Takes back one that was popped and written to, and that nobody else got to see: it is kept as if new.</summary>
    public void TakeBack(SpteTable table)
    {
        TableAllocator.MakeNew(table);
        Push(table);
    }

    /// <summary>One as good as new.</summary>
    public SpteTable Pop() => new((ulong*)_pages[--_count]);

    public void Drain(TableAllocator allocator)
    {
        while (_count > 0) allocator.Free(Pop());
    }

    private void Push(SpteTable table) => _pages[_count++] = (ulong)table.Entries;
}
