using System.Runtime.CompilerServices;

namespace Warren.Machines.Devices;

/// <summary>The 16-byte FIFO of a 16550 UART.</summary>
internal struct ByteFifo
{
    public const int Size = 16;

    private Storage _bytes;
    private int _head;

    public int Count { get; private set; }

    public readonly byte Peek(int index) => _bytes[(_head + index) & (Size - 1)];

    /// <summary>Appends; the caller has seen that <see cref="Count"/> is below <see cref="Size"/>.</summary>
    public void Push(byte value)
    {
        _bytes[(_head + Count) & (Size - 1)] = value;
        Count++;
    }

    /// <summary>Takes the oldest byte; the caller has seen that there is one.</summary>
    public byte Pop()
    {
        var value = _bytes[_head];
        _head = (_head + 1) & (Size - 1);
        Count--;
        return value;
    }

    public void Clear() => Count = 0;

    [InlineArray(Size)]
    private struct Storage
    {
        private byte _first;
    }
}
