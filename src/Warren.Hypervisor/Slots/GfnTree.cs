using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Warren.Hypervisor.Slots;

/// <summary>
/// Slots that do not overlap, ordered by gfn: a persistent B+ tree. An update copies the nodes of one path, some hundred bytes each, and
/// leaves the tree it started from as it was, so that readers of either need no lock.
/// </summary>
/// <remarks>
/// Every separator is exactly the base gfn of the first slot below it. A smaller one would do for points, but a slot that reaches past a
/// loose separator would not be found behind it.
/// </remarks>
public sealed partial class GfnTree
{
    internal static readonly GfnTree Empty = new(null, 0, 0);

    private readonly Node? _root;
    /// <summary>Levels above the leaves.</summary>
    private readonly int _height;

    private GfnTree(Node? root, int height, int count)
    {
        _root = root;
        _height = height;
        Count = count;
    }

    public int Count { get; }

    internal int Height => _height;

    /// <summary>The slot that holds <paramref name="gfn"/>, or null.</summary>
    public Memslot? Find(Gfn gfn)
    {
        var node = _root;
        if (node is null) return null;
        for (var level = _height; ; level--)
        {
            var index = node.Floor(gfn);
            if (index < 0) return null;
            if (level == 0)
            {
                var slot = node.Slot(index);
                return slot.Contains(gfn) ? slot : null;
            }
            node = node.Child(index);
        }
    }

    /// <summary>
    /// Does a slot of another id than <paramref name="exceptId"/> hold a gfn of [<paramref name="start"/>, <paramref name="end"/>)?
    /// </summary>
    public bool Overlaps(Gfn start, Gfn end, int exceptId)
    {
        Debug.Assert(start < end);
        // From the slot at or before start on, at most three are looked at: one that ends before start, the excepted one, one more.
        var slots = From(start);
        while (slots.MoveNext())
        {
            var slot = slots.Current;
            if (slot.BaseGfn >= end) return false;
            if (slot.EndGfn > start && slot.Id != exceptId) return true;
        }
        return false;
    }

    /// <summary>With <paramref name="slot"/>, which must overlap none.</summary>
    internal GfnTree Add(Memslot slot)
    {
        if (_root is null) return new GfnTree(Node.Leaf(slot), 0, 1);
        var left = Insert(_root, _height, slot, out var right);
        return right is null ? new GfnTree(left, _height, Count + 1) : new GfnTree(Node.Inner(left, right), _height + 1, Count + 1);
    }

    /// <summary>Without the slot that starts at <paramref name="baseGfn"/>, which must be there.</summary>
    internal GfnTree Remove(Gfn baseGfn)
    {
        var root = Delete(_root!, _height, baseGfn);
        var height = _height;
        while (height > 0 && root.Count == 1)
        {
            root = root.Child(0);
            height--;
        }
        return root.Count == 0 ? Empty : new GfnTree(root, height, Count - 1);
    }

    /// <summary>With <paramref name="slot"/> in place of the one with the same base and size.</summary>
    internal GfnTree Replace(Memslot slot) => new(Exchange(_root!, _height, slot), _height, Count);

    public Enumerator GetEnumerator() => new(this, default);

    /// <summary>
    /// The slots by rising gfn, from the last one that starts at or before <paramref name="gfn"/>, or else from the first.
    /// </summary>
    internal Enumerator From(Gfn gfn) => new(this, gfn);

    private static Node Insert(Node node, int level, Memslot slot, out Node? right)
    {
        var copy = node.Copy();
        var index = copy.Floor(slot.BaseGfn);
        if (level == 0) return copy.InsertAt(index + 1, slot.BaseGfn, slot, out right);
        index = Math.Max(index, 0);
        copy.SetChild(index, Insert(copy.Child(index), level - 1, slot, out var childRight));
        right = null;
        return childRight is null ? copy : copy.InsertAt(index + 1, childRight.FirstGfn, childRight, out right);
    }

    private static Node Delete(Node node, int level, Gfn baseGfn)
    {
        var copy = node.Copy();
        var index = copy.Floor(baseGfn);
        if (level == 0)
        {
            Debug.Assert(copy.Slot(index).BaseGfn == baseGfn);
            copy.RemoveAt(index);
            return copy;
        }
        var child = Delete(copy.Child(index), level - 1, baseGfn);
        if (child.Count >= Node.Minimum || copy.Count == 1)
        {
            if (child.Count == 0) copy.RemoveAt(index);
            else copy.SetChild(index, child);
            return copy;
        }
        // Too empty: share with a neighbour, or become one with it.
        var leftIndex = index > 0 ? index - 1 : index;
        var left = index > 0 ? copy.Child(index - 1).Copy() : child;
        var right = index > 0 ? child : copy.Child(index + 1).Copy();
        if (Node.Rebalance(left, right))
        {
            copy.SetChild(leftIndex, left);
            copy.RemoveAt(leftIndex + 1);
        }
        else
        {
            copy.SetChild(leftIndex, left);
            copy.SetChild(leftIndex + 1, right);
        }
        return copy;
    }

    private static Node Exchange(Node node, int level, Memslot slot)
    {
        var copy = node.Copy();
        var index = copy.Floor(slot.BaseGfn);
        if (level == 0) copy.SetSlot(index, slot);
        else copy.SetChild(index, Exchange(copy.Child(index), level - 1, slot));
        return copy;
    }

    /// <summary>Slots by rising gfn; on the caller's stack.</summary>
    public struct Enumerator
    {
        // Inner nodes have at least Minimum children: 6^7 slots fit below seven levels of them.
        private const int MaxLevels = 8;

        [InlineArray(MaxLevels)]
        private struct Nodes
        {
            private Node? _first;
        }

        [InlineArray(MaxLevels)]
        private struct Indexes
        {
            private int _first;
        }

        private Nodes _nodes;
        private Indexes _indexes;
        private readonly int _height;
        private Memslot? _current;

        /// <summary>Starts at the last slot whose base is at most <paramref name="gfn"/>, or at the first.</summary>
        internal Enumerator(GfnTree tree, Gfn gfn)
        {
            _height = tree._root is null ? -1 : tree._height;
            var node = tree._root;
            for (var level = _height; level >= 0; level--)
            {
                var index = Math.Max(node!.Floor(gfn), 0);
                _nodes[level] = node;
                _indexes[level] = index;
                if (level > 0) node = node.Child(index);
            }
        }

        public readonly Memslot Current => _current!;

        public bool MoveNext()
        {
            if (_height < 0) return false;
            var level = 0;
            while (_indexes[level] >= _nodes[level]!.Count)
            {
                if (level == _height) return false;
                _indexes[++level]++;
            }
            while (level > 0)
            {
                var child = _nodes[level]!.Child(_indexes[level]);
                _nodes[--level] = child;
                _indexes[level] = 0;
            }
            _current = _nodes[0]!.Slot(_indexes[0]++);
            return true;
        }
    }
}
