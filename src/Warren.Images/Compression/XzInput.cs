namespace Warren.Images.Compression;

/// <summary>
/// A buffered reader over the compressed stream that counts what it gave out; it ends in <see cref="ImageException"/>, never short.
/// </summary>
internal sealed class XzInput(Stream stream)
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _next;
    private int _end;

    /// <summary>Bytes given out so far.</summary>
    public long Position { get; private set; }

    /// <summary>The next byte, or -1 at the end of the input.</summary>
    public int TryReadByte()
    {
        if (_next == _end && !Fill())
            return -1;
        Position++;
        return _buffer[_next++];
    }

    public byte ReadByte()
    {
        var value = TryReadByte();
        return value >= 0 ? (byte)value : throw Truncated();
    }

    public void ReadExactly(Span<byte> destination)
    {
        Position += destination.Length;
        while (!destination.IsEmpty)
        {
            if (_next == _end && !Fill())
                throw Truncated();
            var count = Math.Min(destination.Length, _end - _next);
            _buffer.AsSpan(_next, count).CopyTo(destination);
            _next += count;
            destination = destination[count..];
        }
    }

    private bool Fill()
    {
        _next = 0;
        _end = stream.Read(_buffer);
        return _end > 0;
    }

    private static ImageException Truncated() => ImageException.Corrupt("the xz data ends too early; fetch it again");
}
