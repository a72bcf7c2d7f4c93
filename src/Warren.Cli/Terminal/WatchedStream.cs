using System.Threading;

namespace Warren.Cli.Terminal;

/// <summary>Another stream, whose first failure is kept and told.</summary>
/// <param name="stream">Stays the caller's.</param>
/// <param name="failed">Called once, on the thread that found out.</param>
internal class WatchedStream(Stream stream, Action failed) : Stream
{
    private IOException? _failure;

    /// <summary>The failure, or null.</summary>
    public IOException? Failure => Volatile.Read(ref _failure);

    public override bool CanRead => stream.CanRead;
    public override bool CanWrite => stream.CanWrite;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            return stream.Read(buffer, offset, count);
        }
        catch (IOException e)
        {
            Fail(e);
            throw;
        }
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            stream.Write(buffer, offset, count);
        }
        catch (IOException e)
        {
            Fail(e);
            throw;
        }
    }

    public override void Flush() => stream.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private void Fail(IOException e)
    {
        if (Interlocked.CompareExchange(ref _failure, e, null) is null) failed();
    }
}
