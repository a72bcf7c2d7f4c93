namespace Warren.Cli.Terminal;

/// <summary>Writes to another stream, and drops what that does not take.</summary>
internal sealed class CarelessStream(Stream stream) : Stream
{
    private volatile bool _hasDropped;

    /// <summary>True once something was dropped.</summary>
    public bool HasDropped => _hasDropped;

    public override bool CanRead => false;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            stream.Write(buffer, offset, count);
        }
        catch (IOException)
        {
            // This was where one complains.
            _hasDropped = true;
        }
    }

    public override void Flush()
    {
        // Nothing is held back.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
