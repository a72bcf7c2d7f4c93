namespace Warren.Images.Packages;

/// <summary>Exactly the next so many bytes of another stream, which stays open; a shorter one is an <see cref="ImageException"/>.</summary>
internal sealed class BoundedStream : Stream
{
    private readonly Stream _source;
    private readonly long _length;
    private long _left;

    public BoundedStream(Stream source, long length)
    {
        _source = source;
        _length = length;
        _left = length;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => _length;
    public override long Position { get => _length - _left; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int Read(Span<byte> buffer)
    {
        if (_left < buffer.Length)
            buffer = buffer[..(int)_left];
        if (buffer.IsEmpty)
            return 0;
        var count = _source.Read(buffer);
        if (count == 0)
            throw Truncated();
        _left -= count;
        return count;
    }

    /// <summary>Reads and drops what is left.</summary>
    public void Drain()
    {
        Span<byte> scratch = stackalloc byte[4096];
        while (Read(scratch) > 0)
        {
        }
    }

    internal static ImageException Truncated() => ImageException.Corrupt("the Debian package ends too early; fetch it again");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
