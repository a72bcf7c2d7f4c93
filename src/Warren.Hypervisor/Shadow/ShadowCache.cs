using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// A vCPU's reserve, so that nothing is allocated while <c>mmu_lock</c> is held: one mapping makes at most four shadow pages (a root takes
/// one by itself), each of a record, a table and a page of gfns.
/// </summary>
internal unsafe struct ShadowCache
{
    private const int Pages = 4;
    private const int Tables = 2 * Pages;
    private fixed ulong _pages[Pages];
    private fixed ulong _tables[Tables];
    private int _pageCount;
    private int _tableCount;

    public RmapCache Descriptors;

    /// <summary>Table pages held.</summary>
    public readonly int TableCount => _tableCount;

    /// <summary>Fills it up, with no spinning lock held. False: the host has no memory.</summary>
    public bool TryTopUp(TableAllocator allocator, ShadowPagePool pages, RmapPool descriptors)
    {
        for (; _tableCount < Tables; _tableCount++)
        {
            var table = allocator.TryAllocate();
            if (table.IsNull) return false;
            _tables[_tableCount] = (ulong)table.Entries;
        }
        for (; _pageCount < Pages; _pageCount++)
        {
            var page = pages.TryAllocate();
            if (page == null) return false;
            _pages[_pageCount] = (ulong)page;
        }
        return Descriptors.TryTopUp(descriptors);
    }

    /// <summary>
    /// True when all records and tables in it are as good as new; a descriptor is undefined until it is added to a chain. For checks.
    /// </summary>
    public readonly bool IsNew
    {
        get
        {
            for (var i = 0; i < _tableCount; i++)
            {
                if (!new SpteTable((ulong*)_tables[i]).IsNew) return false;
            }
            for (var i = 0; i < _pageCount; i++)
            {
                if (new ReadOnlySpan<byte>((void*)_pages[i], sizeof(ShadowPage)).ContainsAnyExcept((byte)0)) return false;
            }
            return true;
        }
    }

    /// <summary>True when there is enough for one more page that is direct.</summary>
    public readonly bool HasPage => _pageCount > 0 && _tableCount > 0;

    /// <summary>A zeroed record; there is one for each page that a mapping can need.</summary>
    public ShadowPage* TakePage() => (ShadowPage*)_pages[--_pageCount];

    /// <summary>A zeroed page.</summary>
    public SpteTable TakeTable() => new((ulong*)_tables[--_tableCount]);

    public void Drain(TableAllocator allocator, ShadowPagePool pages, RmapPool descriptors)
    {
        while (_tableCount > 0) allocator.Free(TakeTable());
        while (_pageCount > 0) pages.Free(TakePage());
        Descriptors.Drain(descriptors);
    }
}
