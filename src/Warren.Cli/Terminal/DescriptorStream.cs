using System.Runtime.InteropServices;

namespace Warren.Cli.Terminal;

/// <summary>A standard descriptor as a blocking stream.</summary>
/// <param name="descriptor">0 to 2; it stays the process's.</param>
/// <param name="name">What users call it, at the beginning of a sentence.</param>
/// <param name="canWrite">Written, else read. A descriptor that was closed reads as one at its end.</param>
/// <remarks>
/// Throws <see cref="OutputClosedException"/> when nobody reads it any more, <see cref="StandardStreamException"/> for every other error.
/// </remarks>
internal sealed unsafe partial class DescriptorStream(int descriptor, string name, bool canWrite) : Stream
{
    private const int Interrupted = 4, BadDescriptor = 9, TryAgain = 11, NoSpace = 28, BrokenPipe = 32, QuotaExceeded = 122;
    private const short PollIn = 1, PollOut = 4;

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
            while ((read = ReadCall(descriptor, bytes, (nuint)buffer.Length)) < 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                if (errno == BadDescriptor) return 0;
                WaitOrThrow(errno);
            }
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
                if (written < 0) WaitOrThrow(Marshal.GetLastPInvokeError());
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

    /// <summary>
    /// Returns when the call is to be tried again. Whoever opened the descriptor may have made it non-blocking for all of us.
    /// </summary>
    private void WaitOrThrow(int errno)
    {
        switch (errno)
        {
            case Interrupted:
                return;
            case TryAgain:
                var poll = new PollEntry { Descriptor = descriptor, Events = canWrite ? PollOut : PollIn };
                _ = PollCall(&poll, 1, -1);
                return;
            case BrokenPipe:
                throw new OutputClosedException();
            case BadDescriptor:
                throw new StandardStreamException($"{name} is closed; redirect it to a file or to /dev/null.");
            default:
                var remedy = errno is NoSpace or QuotaExceeded ? "free some space there, or redirect it"
                    : "redirect it to or from somewhere else";
                throw new StandardStreamException(
                    $"{name} cannot be {(canWrite ? "written" : "read")} ({Marshal.GetPInvokeErrorMessage(errno)}); {remedy}.");
        }
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadCall(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteCall(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int PollCall(PollEntry* entries, nuint count, int milliseconds);

    /// <summary>struct pollfd.</summary>
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }
}
