using System.Numerics;
using Volatile = System.Threading.Volatile;

namespace Warren.Machines.Serial;

/// <summary>
/// A bounded queue of bytes between one producer and one consumer, which may be different threads. Neither waits for the other: a
/// position is written by its owner alone and published with release semantics after the bytes it covers.
/// </summary>
internal sealed class ByteRing
{
    private readonly byte[] _bytes;
    private long _written;
    private long _read;

    /// <summary><paramref name="capacity"/> is rounded up to a power of two.</summary>
    public ByteRing(int capacity) => _bytes = new byte[BitOperations.RoundUpToPowerOf2((uint)capacity)];

    public int Capacity => _bytes.Length;

    /// <summary>Bytes queued: a lower bound for the consumer, an upper bound for the producer.</summary>
    public int Count => (int)(Volatile.Read(ref _written) - Volatile.Read(ref _read));

    public int Free => Capacity - Count;

    /// <summary>Producer: appends as much as fits; returns how much.</summary>
    public int Write(ReadOnlySpan<byte> source)
    {
        var n = Math.Min(source.Length, Free);
        var at = (int)_written & (Capacity - 1);
        var first = Math.Min(n, Capacity - at);
        source[..first].CopyTo(_bytes.AsSpan(at));
        source[first..n].CopyTo(_bytes);
        Volatile.Write(ref _written, _written + n);
        return n;
    }

    /// <summary>Consumer: takes what there is, up to the length of <paramref name="target"/>; returns how much.</summary>
    public int Read(Span<byte> target)
    {
        var n = Math.Min(target.Length, Count);
        var at = (int)_read & (Capacity - 1);
        var first = Math.Min(n, Capacity - at);
        _bytes.AsSpan(at, first).CopyTo(target);
        _bytes.AsSpan(0, n - first).CopyTo(target[first..]);
        Volatile.Write(ref _read, _read + n);
        return n;
    }
}
