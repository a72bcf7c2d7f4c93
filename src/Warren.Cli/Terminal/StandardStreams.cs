using System.Runtime.InteropServices;
using System.Threading;

namespace Warren.Cli.Terminal;

/// <summary>
/// The process's standard streams by read(2) and write(2). The Console class would swallow a broken pipe, which the guest's command must
/// learn of; a FileStream would write a file at an offset of its own and leave the shared one behind, so that the next program overwrites it.
/// </summary>
internal static class StandardStreams
{
    public static Stream OpenInput() => new DescriptorStream(0, canWrite: false);

    public static Stream OpenOutput() => new DescriptorStream(1, canWrite: true);

    public static Stream OpenError() => new DescriptorStream(2, canWrite: true);
}

/// <summary>A descriptor as a blocking stream; errors are <see cref="IOException"/>.</summary>
internal sealed unsafe partial class DescriptorStream(int descriptor, bool canWrite) : Stream
{
    private const int Interrupted = 4, TryAgain = 11;

    public override bool CanRead => !canWrite;
    public override bool CanWrite => canWrite;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            nint read;
            while ((read = ReadCall(descriptor, bytes, (nuint)buffer.Length)) < 0) ThrowUnlessTemporary();
            return (int)read;
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            for (var done = 0; done < buffer.Length;)
            {
                var written = WriteCall(descriptor, bytes + done, (nuint)(buffer.Length - done));
                if (written < 0) ThrowUnlessTemporary();
                else done += (int)written;
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is held back.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private void ThrowUnlessTemporary()
    {
        var errno = Marshal.GetLastPInvokeError();
        if (errno == TryAgain) Thread.Sleep(1);
        else if (errno != Interrupted) throw new IOException($"Descriptor {descriptor}: {Marshal.GetPInvokeErrorMessage(errno)}.");
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadCall(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteCall(int fd, byte* buffer, nuint count);
}
