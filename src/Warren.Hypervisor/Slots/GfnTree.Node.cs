using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Warren.Hypervisor.Slots;

public sealed partial class GfnTree
{
    /// <summary>
    /// Up to <see cref="Maximum"/> slots, or nodes of the level below, in one object: the first gfn of each, then the references. Mutable
    /// only until the tree that holds it is handed out. Which of the two it holds follows from its level.
    /// </summary>
    internal sealed class Node
    {
        public const int Maximum = 16;
        /// <summary>
        /// Below this a node shares with a neighbour; less than half, so that a slot that comes and goes does not split and merge each
        /// time.
        /// </summary>
        public const int Minimum = 6;

        [InlineArray(Maximum)]
        private struct Gfns
        {
            private Gfn _first;
        }

        [InlineArray(Maximum)]
        private struct References
        {
            private object? _first;
        }

        private int _count;
        private Gfns _gfns;
        private References _items;

        public int Count => _count;
        public Gfn FirstGfn => _gfns[0];

        public Memslot Slot(int index) => Unsafe.As<Memslot>(_items[index]!);
        public Node Child(int index) => Unsafe.As<Node>(_items[index]!);

        public static Node Leaf(Memslot slot)
        {
            var node = new Node();
            node.Append(slot.BaseGfn, slot);
            return node;
        }

        public static Node Inner(Node left, Node right)
        {
            var node = new Node();
            node.Append(left.FirstGfn, left);
            node.Append(right.FirstGfn, right);
            return node;
        }

        public Node Copy() => Unsafe.As<Node>(MemberwiseClone());

        /// <summary>Index of the last entry whose first gfn is at most <paramref name="gfn"/>, or -1.</summary>
        public int Floor(Gfn gfn)
        {
            int low = 0, high = _count;
            var number = gfn.Value;
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (_gfns[middle].Value <= number) low = middle + 1;
                else high = middle;
            }
            return low - 1;
        }

        public void SetSlot(int index, Memslot slot)
        {
            Debug.Assert(_gfns[index] == slot.BaseGfn);
            _items[index] = slot;
        }

        public void SetChild(int index, Node child)
        {
            _gfns[index] = child.FirstGfn;
            _items[index] = child;
        }

        /// <summary>Returns this node; when it was full, its upper half is <paramref name="right"/>.</summary>
        public Node InsertAt(int index, Gfn gfn, object item, out Node? right)
        {
            right = null;
            if (_count < Maximum)
            {
                Shift(index, 1);
                Set(index, gfn, item);
                return this;
            }
            // Slots are mostly created upwards: an insertion at the end leaves the full node nearly full.
            var keep = index == Maximum ? Maximum - Minimum + 1 : Maximum / 2;
            right = new Node();
            for (var i = keep; i < Maximum; i++) right.Append(_gfns[i], _items[i]!);
            Truncate(keep);
            var (target, at) = index <= keep ? (this, index) : (right, index - keep);
            target.Shift(at, 1);
            target.Set(at, gfn, item);
            return this;
        }

        public void RemoveAt(int index) => Shift(index + 1, -1);

        /// <summary>
        /// Moves everything into <paramref name="left"/> (true), or evens the two out (false). They are neighbours, and one is too empty.
        /// </summary>
        public static bool Rebalance(Node left, Node right)
        {
            var total = left._count + right._count;
            if (total <= Maximum)
            {
                for (var i = 0; i < right._count; i++) left.Append(right._gfns[i], right._items[i]!);
                return true;
            }
            var keep = total / 2;
            while (left._count < keep)
            {
                left.Append(right._gfns[0], right._items[0]!);
                right.RemoveAt(0);
            }
            while (left._count > keep)
            {
                var last = left._count - 1;
                right.Shift(0, 1);
                right.Set(0, left._gfns[last], left._items[last]!);
                left.Truncate(last);
            }
            return false;
        }

        private void Append(Gfn gfn, object item)
        {
            Set(_count, gfn, item);
            _count++;
        }

        private void Set(int index, Gfn gfn, object item)
        {
            _gfns[index] = gfn;
            _items[index] = item;
        }

        /// <summary>
        /// Moves the entries from <paramref name="index"/> on by <paramref name="by"/> places, dropping those they cover.
        /// </summary>
        private void Shift(int index, int by)
        {
            Span<Gfn> gfns = _gfns;
            Span<object?> items = _items;
            gfns[index.._count].CopyTo(gfns[(index + by)..]);
            items[index.._count].CopyTo(items[(index + by)..]);
            var count = _count + by;
            for (var i = count; i < _count; i++) items[i] = null;
            _count = count;
        }

        private void Truncate(int count)
        {
            Span<object?> items = _items;
            items[count.._count].Clear();
            _count = count;
        }
    }
}
