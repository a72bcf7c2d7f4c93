using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Something that steps touch, and what the scheduler knows of it in the current schedule.</summary>
internal struct Location
{
    internal object? Instance;
    internal nint Offset;
    internal LockClass? Class;

    /// <summary>Writes so far.</summary>
    internal int Version;

    /// <summary>Steps so far that may have let a waiter go on.</summary>
    internal int Wakes;

    /// <summary>The thread that wrote last, or -1.</summary>
    internal int LastWriter;

    /// <summary>The thread that holds it exclusively, or -1.</summary>
    internal int Owner;

    internal int Readers;

    /// <summary>Writers that wait in its queue.</summary>
    internal int Queued;

    /// <summary>For a wait: a wake-up has come since it was prepared.</summary>
    internal bool Woken;

    /// <summary>For a wait: Woken is known.</summary>
    internal bool Prepared;

    /// <summary>The last value that a step told.</summary>
    internal long Value;

    /// <summary>The last write was a plain or atomic store, of this value.</summary>
    internal bool IsStored;
    internal long Stored;

    /// <summary>In traces: what somebody calls this word of native memory, or empty; null when nobody has been asked.</summary>
    internal string? NativeName;

    /// <summary>Head of its accesses in the history of the search, or -1.</summary>
    internal int History;
}

/// <summary>
/// Numbers locations by the order in which a schedule first touches them, so that the same schedule gives the same numbers in every run and
/// process. An open hash table over identity; nothing is allocated once it has grown to the size of the scenario.
/// </summary>
internal sealed class LocationTable
{
    private int[] _buckets = new int[256];
    private int[] _used = new int[64];
    private Location[] _locations = new Location[64];

    /// <summary>
    /// The location found last under some bits of an object's address, which saves the hash: what is taken is given back, what is read is
    /// written. An object that a collection has moved is searched again.
    /// </summary>
    private readonly int[] _recent = new int[Recent];
    private const int Recent = 64;

    internal int Count { get; private set; }

    internal ref Location this[int index] => ref _locations[index];

    internal void Clear()
    {
        for (var i = 0; i < Count; i++)
        {
            _buckets[_used[i]] = 0;
            _locations[i].Instance = null;
        }

        Count = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Find(object? instance, nint offset, LockClass? lockClass)
    {
        var bits = ((uint)(Unsafe.As<object?, nuint>(ref instance) >> 3) * 0x9E3779B1) + ((uint)offset * 0x85EBCA6B);
        ref var recent = ref _recent[(int)(bits / ((uint.MaxValue / Recent) + 1))];
        if (recent < Count && ReferenceEquals(_locations[recent].Instance, instance) && _locations[recent].Offset == offset)
            return recent;
        return recent = Search(instance, offset, lockClass);
    }

    private int Search(object? instance, nint offset, LockClass? lockClass)
    {
        var mask = _buckets.Length - 1;
        var hash = (instance is null ? 0 : RuntimeHelpers.GetHashCode(instance)) * 0x2545F491 ^ (int)offset * 0x61C88647;
        var bucket = (hash ^ (hash >>> 15)) & mask;
        for (int entry; (entry = _buckets[bucket]) != 0; bucket = (bucket + 1) & mask)
        {
            ref var found = ref _locations[entry - 1];
            if (ReferenceEquals(found.Instance, instance) && found.Offset == offset)
                return entry - 1;
        }

        return Add(instance, offset, lockClass, bucket);
    }

    private int Add(object? instance, nint offset, LockClass? lockClass, int bucket)
    {
        if (Count == _locations.Length)
            Array.Resize(ref _locations, Count * 2);
        if (Count == _used.Length)
            Array.Resize(ref _used, Count * 2);
        _buckets[bucket] = Count + 1;
        _used[Count] = bucket;
        _locations[Count] =
            new Location { Instance = instance, Offset = offset, Class = lockClass, LastWriter = -1, Owner = -1, History = -1 };
        var index = Count++;
        if (Count * 2 > _buckets.Length)
            Rehash();
        return index;
    }

    private void Rehash()
    {
        _buckets = new int[_buckets.Length * 2];
        var mask = _buckets.Length - 1;
        for (var i = 0; i < Count; i++)
        {
            var instance = _locations[i].Instance;
            var hash = (instance is null ? 0 : RuntimeHelpers.GetHashCode(instance)) * 0x2545F491 ^ (int)_locations[i].Offset * 0x61C88647;
            var bucket = (hash ^ (hash >>> 15)) & mask;
            while (_buckets[bucket] != 0)
                bucket = (bucket + 1) & mask;
            _buckets[bucket] = i + 1;
            _used[i] = bucket;
        }
    }
}
