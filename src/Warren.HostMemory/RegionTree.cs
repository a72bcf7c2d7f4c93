namespace Warren.HostMemory;

/// <summary>
/// A persistent interval tree: an AVL tree by (start, tie), each node with the greatest end below it. Nodes never change, so a
/// reader that has the root sees one consistent set, lock-free; an update copies the path to the root: O(log n) nodes.
/// </summary>
internal sealed class RegionTree
{
    private readonly RegionTree? _left;
    private readonly RegionTree? _right;
    private readonly NotifierRegion _region;
    private readonly Hva _start;
    private readonly Hva _maxEnd;
    private readonly long _tie;
    private readonly int _height;

    private RegionTree(RegionTree? left, NotifierRegion region, long tie, RegionTree? right)
    {
        _left = left;
        _right = right;
        _region = region;
        _start = region.HvaStart;
        _tie = tie;
        var maxEnd = region.HvaEnd;
        var height = 0;
        if (left is not null)
        {
            maxEnd = Hva.Max(maxEnd, left._maxEnd);
            height = left._height;
        }

        if (right is not null)
        {
            maxEnd = Hva.Max(maxEnd, right._maxEnd);
            height = Math.Max(height, right._height);
        }

        _maxEnd = maxEnd;
        _height = height + 1;
    }

    internal static RegionTree Insert(RegionTree? node, NotifierRegion region, long tie)
    {
        if (node is null)
            return new RegionTree(null, region, tie, null);
        return node.Compare(region.HvaStart, tie) < 0
            ? Balance(Insert(node._left, region, tie), node, node._right)
            : Balance(node._left, node, Insert(node._right, region, tie));
    }

    /// <summary>The tree without the region that has this start and tie; it must be there.</summary>
    internal static RegionTree? Remove(RegionTree? node, NotifierRegion region)
    {
        if (node is null)
            throw new InvalidOperationException("The region to be removed is not in the index.");
        var order = node.Compare(region.HvaStart, region.IndexKey);
        if (order < 0)
            return Balance(Remove(node._left, region), node, node._right);
        if (order > 0)
            return Balance(node._left, node, Remove(node._right, region));
        if (!ReferenceEquals(node._region, region))
            throw new InvalidOperationException("The region to be removed is not in the index.");
        if (node._left is null)
            return node._right;
        if (node._right is null)
            return node._left;
        var rest = RemoveFirst(node._right, out var successor);
        return Balance(node._left, successor, rest);
    }

    /// <summary>The tree with another region of the same range in the place of one: only the path is copied.</summary>
    internal static RegionTree Replace(RegionTree? node, NotifierRegion old, NotifierRegion region)
    {
        if (node is null)
            throw new InvalidOperationException("The region to be replaced is not in the index.");
        var order = node.Compare(old.HvaStart, old.IndexKey);
        if (order < 0)
            return new RegionTree(Replace(node._left, old, region), node._region, node._tie, node._right);
        if (order > 0)
            return new RegionTree(node._left, node._region, node._tie, Replace(node._right, old, region));
        if (!ReferenceEquals(node._region, old))
            throw new InvalidOperationException("The region to be replaced is not in the index.");
        return new RegionTree(node._left, region, node._tie, node._right);
    }

    /// <summary>Appends the regions that overlap [start, end), by address.</summary>
    internal static void Collect(RegionTree? node, Hva start, Hva end, RegionBuffer into)
    {
        while (node is not null && node._maxEnd > start)
        {
            Collect(node._left, start, end, into);
            if (node._start >= end)
                return;
            if (node._region.HvaEnd > start)
                into.Add(node._region);
            node = node._right;
        }
    }

    /// <summary>The tree without the regions of an owner. O(n) to look, plus the removals.</summary>
    internal static RegionTree? WithoutOwner(RegionTree? tree, MmuNotifier owner)
    {
        var owned = new List<NotifierRegion>();
        Find(tree, owner, owned);
        foreach (var region in owned)
            tree = Remove(tree, region);
        return tree;
    }

    internal static int Count(RegionTree? node) => node is null ? 0 : 1 + Count(node._left) + Count(node._right);

    internal static int Height(RegionTree? node) => node?._height ?? 0;

    private static void Find(RegionTree? node, MmuNotifier owner, List<NotifierRegion> into)
    {
        for (; node is not null; node = node._right)
        {
            Find(node._left, owner, into);
            if (node._region.Owner == owner)
                into.Add(node._region);
        }
    }

    private static RegionTree? RemoveFirst(RegionTree node, out RegionTree first)
    {
        if (node._left is null)
        {
            first = node;
            return node._right;
        }

        return Balance(RemoveFirst(node._left, out first), node, node._right);
    }

    private static RegionTree Balance(RegionTree? left, RegionTree middle, RegionTree? right)
    {
        var difference = Height(left) - Height(right);
        if (difference > 1)
        {
            if (Height(left!._left) >= Height(left._right))
                return Node(left._left, left, Node(left._right, middle, right));
            var inner = left._right!;
            return Node(Node(left._left, left, inner._left), inner, Node(inner._right, middle, right));
        }

        if (difference < -1)
        {
            if (Height(right!._right) >= Height(right._left))
                return Node(Node(left, middle, right._left), right, right._right);
            var inner = right._left!;
            return Node(Node(left, middle, inner._left), inner, Node(inner._right, right, right._right));
        }

        return Node(left, middle, right);
    }

    private static RegionTree Node(RegionTree? left, RegionTree middle, RegionTree? right) =>
        new(left, middle._region, middle._tie, right);

    private int Compare(Hva start, long tie) => start != _start ? start.CompareTo(_start) : tie.CompareTo(_tie);
}
