using System.Runtime.InteropServices;
using System.Text;
using Warren.Cli.Terminal;
using Warren.Machines.Serial;

namespace Warren.Cli.Tests.Streams;

/// <summary>The parts of the command's own streams, one by one.</summary>
public sealed partial class StreamTests
{
    private const int NonBlocking = 0x800;

    /// <summary>
    /// Whoever opened a descriptor may have made it non-blocking for everybody: a reader and a writer that outrun the other end wait.
    /// </summary>
    [Fact]
    public async Task A_descriptor_that_does_not_block_is_waited_for()
    {
        var ends = new int[2];
        Assert.Equal(0, Pipe(ends, NonBlocking));
        var sent = new byte[1 << 20];
        new Random(3).NextBytes(sent);
        var received = new MemoryStream();
        using var input = new DescriptorStream(ends[0], "Input", canWrite: false);
        var reading = Task.Run(() => input.CopyTo(received));
        var writing = Task.Run(() =>
        {
            using var output = new DescriptorStream(ends[1], "Output", canWrite: true);
            output.Write(sent);
            Assert.Equal(0, Close(ends[1]));
        });
        await Task.WhenAll(reading, writing).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(sent, received.ToArray());
        Assert.Equal(0, Close(ends[0]));
    }

    [Fact]
    public void Only_the_first_failure_is_told()
    {
        var failures = new Queue<IOException>([new("first"), new("second"), new("third")]);
        var told = 0;
        using var stream = new WatchedStream(new Failing(failures), () => told++);
        for (var i = 0; i < 3; i++) Assert.Throws<IOException>(() => stream.Write(Encoding.ASCII.GetBytes("x"), 0, 1));
        Assert.Equal(("first", 1), (stream.Failure!.Message, told));
    }

    /// <summary>The user's way out, and a terminal that is gone, are told apart; what was typed before has reached the guest.</summary>
    [Theory]
    [InlineData("ab", false, "ab")]
    [InlineData("ab\u0001xcd", true, "ab")]
    public async Task The_end_of_a_terminal_is_told(string typed, bool byUser, string heard)
    {
        var console = new Listener();
        var ended = new TaskCompletionSource<bool>();
        new TerminalInput(new MemoryStream(Encoding.ASCII.GetBytes(typed)), console, Stream.Null, ended.SetResult).Start();
        Assert.Equal(byUser, await ended.Task.WaitAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal(heard, console.Heard.ToString());
    }

    [LibraryImport("libc", EntryPoint = "pipe2")]
    private static partial int Pipe([Out] int[] ends, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    private sealed class Listener : ISerialPort
    {
        public StringBuilder Heard { get; } = new();

        public long BytesFromGuest => 0;

        public long BytesToGuest => Heard.Length;

        public int Read(Span<byte> buffer) => 0;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(0);

        public int Write(ReadOnlySpan<byte> bytes)
        {
            Heard.Append(Encoding.ASCII.GetString(bytes));
            return bytes.Length;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, System.Threading.CancellationToken cancellationToken = default)
        {
            Write(bytes.Span);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Failing(Queue<IOException> failures) : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw failures.Dequeue();
    }
}
