using System.Threading;

namespace Warren.Locking;

/// <summary>
/// The keys of the chains that have been analysed: open addressing, read without a lock, written under the validator's. A reader may miss a
/// key that is being added and then looks again under the lock; it never finds one that was not added.
/// </summary>
internal sealed class ChainSet
{
    private ulong[] _table = new ulong[1024];
    private int _count;

    internal int Count => _count;

    internal bool Contains(ulong key)
    {
        var table = Volatile.Read(ref _table);
        var mask = (uint)table.Length - 1;
        for (var at = (uint)key & mask; ; at = (at + 1) & mask)
        {
            var found = Volatile.Read(ref table[at]);
            if (found == key)
                return true;
            if (found == 0)
                return false;
        }
    }

    /// <summary>Under the validator's lock.</summary>
    internal void Add(ulong key)
    {
        if (_count * 2 >= _table.Length)
        {
            var larger = new ulong[_table.Length * 2];
            foreach (var old in _table)
            {
                if (old != 0)
                    Insert(larger, old);
            }

            Volatile.Write(ref _table, larger);
        }

        if (Insert(_table, key))
            _count++;
    }

    private static bool Insert(ulong[] table, ulong key)
    {
        var mask = (uint)table.Length - 1;
        var at = (uint)key & mask;
        while (table[at] != 0)
        {
            if (table[at] == key)
                return false;
            at = (at + 1) & mask;
        }

        Volatile.Write(ref table[at], key);
        return true;
    }
}
