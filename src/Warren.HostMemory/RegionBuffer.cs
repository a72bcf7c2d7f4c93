namespace Warren.HostMemory;

/// <summary>
/// The regions of the notifications a thread has in progress, as a stack: nested notifications push above those around
/// them. Grows by allocation when a record is set, and is then reused.
/// </summary>
internal sealed class RegionBuffer
{
    [ThreadStatic]
    private static RegionBuffer? t_buffer;

    private static readonly Comparison<NotifierRegion> ByOwner = CompareOwner;

    private NotifierRegion[] _regions = new NotifierRegion[64];
    private bool[] _refused = new bool[64];

    internal static RegionBuffer Current => t_buffer ??= new RegionBuffer();

    internal int Count { get; private set; }

    internal void Add(NotifierRegion region)
    {
        if (Count == _regions.Length)
        {
            Array.Resize(ref _regions, Count * 2);
            Array.Resize(ref _refused, Count * 2);
        }

        _refused[Count] = false;
        _regions[Count++] = region;
    }

    /// <summary>Brings the regions of each owner together; address order holds within an owner.</summary>
    internal void Group(int from)
    {
        var regions = _regions.AsSpan(from, Count - from);
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

    /// <summary>The run of regions of one owner that starts at <paramref name="at"/>.</summary>
    internal ReadOnlySpan<NotifierRegion> Run(int at, int end)
    {
        var owner = _regions[at].Owner;
        var to = at + 1;
        while (to < end && _regions[to].Owner == owner)
            to++;
        return new ReadOnlySpan<NotifierRegion>(_regions, at, to - at);
    }

    internal void Refuse(int at) => _refused[at] = true;

    internal bool IsRefused(int at) => _refused[at];

    /// <summary>Drops everything from <paramref name="from"/> on, so that nothing is kept alive.</summary>
    internal void Pop(int from)
    {
        Array.Clear(_regions, from, Count - from);
        Count = from;
    }

    private static int CompareOwner(NotifierRegion a, NotifierRegion b)
    {
        var order = a.Owner.Id.CompareTo(b.Owner.Id);
        if (order == 0)
            order = a.HvaStart.CompareTo(b.HvaStart);
        return order != 0 ? order : a.IndexKey.CompareTo(b.IndexKey);
    }
}
