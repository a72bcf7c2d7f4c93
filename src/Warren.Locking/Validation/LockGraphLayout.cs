namespace Warren.Locking;

/// <summary>
/// Places classes in rows, outer above inner, and says which edges are worth a line: those that others do not imply. Circles that are no
/// defect exist (a read section lies inside a lock and around it): the edge that would lead up again is drawn as such and does not count
/// for the rows.
/// </summary>
internal sealed class LockGraphLayout
{
    private readonly LockGraph _graph;
    private readonly List<LockGraphEdge>[] _down;
    private readonly int[] _row;

    internal LockGraphLayout(LockGraph graph)
    {
        _graph = graph;
        var count = graph.Classes.Count;
        _down = new List<LockGraphEdge>[count];
        for (var i = 0; i < count; i++)
            _down[i] = [];
        _row = new int[count];
        Orient();
        Layer();
        Lines = [.. _down.SelectMany(edges => edges).Where(IsNotImplied), .. Upward];
        Rows = Arrange();
    }

    /// <summary>Classes by row, in their order from left to right.</summary>
    internal List<int>[] Rows { get; }

    /// <summary>Edges to draw.</summary>
    internal List<LockGraphEdge> Lines { get; }

    /// <summary>Those of <see cref="Lines"/> that lead from a lower row to a higher.</summary>
    internal HashSet<LockGraphEdge> Upward { get; } = [];

    /// <summary>Adds edges that close no circle, those that break nothing first; what is left over leads upward.</summary>
    private void Orient()
    {
        foreach (var edge in _graph.Edges.OrderBy(e => e.IsViolating).ThenByDescending(e => Weight(e.Kinds))
            .ThenByDescending(e => e.Chains))
        {
            if (edge.From == edge.To)
                continue;
            if (Reaches(edge.To, edge.From))
                Upward.Add(edge);
            else
                _down[edge.From].Add(edge);
        }
    }

    private static int Weight(DependencyKinds kinds) =>
        (kinds & DependencyKinds.ExclusiveToNonRecursive) != 0 ? 2 : (kinds & DependencyKinds.SharedToNonRecursive) != 0 ? 1 : 0;

    private bool Reaches(int from, int to, LockGraphEdge? without = null)
    {
        var seen = new HashSet<int> { from };
        var stack = new Stack<int>(seen);
        while (stack.TryPop(out var at))
        {
            foreach (var edge in _down[at])
            {
                if (ReferenceEquals(edge, without))
                    continue;
                if (edge.To == to)
                    return true;
                if (seen.Add(edge.To))
                    stack.Push(edge.To);
            }
        }

        return from == to;
    }

    private bool IsNotImplied(LockGraphEdge edge) => edge.IsViolating || !Reaches(edge.From, edge.To, edge);

    private void Layer()
    {
        // The longest way from the top; there are no circles among these edges.
        var changed = true;
        while (changed)
        {
            changed = false;
            foreach (var edge in _down.SelectMany(e => e))
            {
                if (_row[edge.To] > _row[edge.From])
                    continue;
                _row[edge.To] = _row[edge.From] + 1;
                changed = true;
            }
        }
    }

    private List<int>[] Arrange()
    {
        var rows = new List<int>[_row.Length == 0 ? 0 : _row.Max() + 1];
        for (var i = 0; i < rows.Length; i++)
            rows[i] = [];
        for (var i = 0; i < _row.Length; i++)
            rows[_row[i]].Add(i);
        var place = new double[_row.Length];
        Number();
        // Each class goes to the middle of its neighbours; a few sweeps settle it.
        for (var sweep = 0; sweep < 8; sweep++)
        {
            foreach (var row in rows)
            {
                var middle =
                    row.ToDictionary(c => c, c => Lines.Where(l => l.From == c || l.To == c).Select(l => place[l.From == c ? l.To : l.From])
                    .DefaultIfEmpty(place[c]).Average());
                row.Sort((x, y) => middle[x] != middle[y] ? middle[x].CompareTo(middle[y]) : x.CompareTo(y));
                Number();
            }
        }

        return rows;

        void Number()
        {
            foreach (var row in rows)
            {
                for (var i = 0; i < row.Count; i++)
                    place[row[i]] = (i + 0.5) / row.Count;
            }
        }
    }
}
