using System.Runtime.CompilerServices;

namespace Warren.Lab;

/// <summary>Locations by object and offset, or by address; an open-addressed table that one schedule after the other uses without allocating.</summary>
internal sealed class LocationTable
{
    private Location?[] _slots = new Location?[256];
    private readonly List<Location> _pool = [];
    private int _used;

    internal ReadOnlySpan<Location> All => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_pool)[.._used];

    internal Location Get(object? owner, nint offset)
    {
        var mask = _slots.Length - 1;
        for (var at = Hash(owner, offset) & mask; ; at = (at + 1) & mask)
        {
            var found = _slots[at];
            if (found is null)
                return Add(owner, offset, at);
            if (found.Offset == offset && ReferenceEquals(found.Owner, owner))
                return found;
        }
    }

    internal void Clear()
    {
        foreach (var location in All)
            location.Reset();
        _used = 0;
        Array.Clear(_slots);
    }

    private Location Add(object? owner, nint offset, int at)
    {
        if (_used == _pool.Count)
            _pool.Add(new Location());
        var location = _pool[_used++];
        location.Owner = owner;
        location.Offset = offset;
        if (_used * 2 <= _slots.Length)
            _slots[at] = location;
        else
            Grow();
        return location;
    }

    private void Grow()
    {
        var slots = new Location?[_slots.Length * 2];
        var mask = slots.Length - 1;
        foreach (var location in All)
        {
            var at = Hash(location.Owner, location.Offset) & mask;
            while (slots[at] is not null)
                at = (at + 1) & mask;
            slots[at] = location;
        }

        _slots = slots;
    }

    private static int Hash(object? owner, nint offset)
    {
        var hash = (ulong)(uint)RuntimeHelpers.GetHashCode(owner) ^ ((ulong)offset * 0x9E37_79B9_7F4A_7C15);
        return (int)(hash >> 3 ^ hash >> 35) & int.MaxValue;
    }
}
