namespace Warren.HostMemory;

/// <summary>
/// The regions one lookup found. Grows by allocation when a record is set, and is then reused.
/// </summary>
internal sealed class RegionBuffer
{
    private static readonly Comparison<NotifierRegion> ByOwner = CompareOwner;

    private NotifierRegion[] _regions = new NotifierRegion[16];

    internal int Count { get; private set; }

    internal void Add(NotifierRegion region)
    {
        if (Count == _regions.Length)
            Array.Resize(ref _regions, Count * 2);
        _regions[Count++] = region;
    }

    /// <summary>Brings the regions of each owner together; address order holds within an owner. Not when empty.</summary>
    internal void Group()
    {
        var regions = _regions.AsSpan(0, Count);
        var owner = regions[0].Owner;
        for (var i = 1; i < regions.Length; i++)
        {
            if (regions[i].Owner != owner)
            {
                regions.Sort(ByOwner);
                return;
            }
        }
    }

    /// <summary>The run of regions of one owner that starts at <paramref name="at"/>; grouped before.</summary>
    internal ReadOnlySpan<NotifierRegion> Run(int at)
    {
        var owner = _regions[at].Owner;
        var to = at + 1;
        while (to < Count && _regions[to].Owner == owner)
            to++;
        return new ReadOnlySpan<NotifierRegion>(_regions, at, to - at);
    }

    /// <summary>The run of <paramref name="owner"/>, empty when it has none; grouped before.</summary>
    internal ReadOnlySpan<NotifierRegion> RunOf(MmuNotifier owner)
    {
        for (var at = 0; at < Count; at++)
        {
            if (_regions[at].Owner == owner)
                return Run(at);
        }

        return default;
    }

    /// <summary>Drops everything, so that nothing is kept alive.</summary>
    internal void Clear()
    {
        Array.Clear(_regions, 0, Count);
        Count = 0;
    }

    private static int CompareOwner(NotifierRegion a, NotifierRegion b)
    {
        var order = a.Owner.Id.CompareTo(b.Owner.Id);
        if (order == 0)
            order = a.HvaStart.CompareTo(b.HvaStart);
        return order != 0 ? order : a.IndexKey.CompareTo(b.IndexKey);
    }
}
