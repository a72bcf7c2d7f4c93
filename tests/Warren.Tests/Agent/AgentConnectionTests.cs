using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Warren.Agent;

namespace Warren.Tests.Agent;

/// <summary>The host's end of the agent protocol against a guest written here, which misbehaves on purpose in some tests.</summary>
public class AgentConnectionTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Carries_command_input_output_and_status()
    {
        await using var guest = new FakeGuest();
        var output = new MemoryStream();
        var error = new MemoryStream();
        var run = guest.RunAsync(["cat", "-", "ä"], ["A=b"], new MemoryStream("some input"u8.ToArray()), output, error, default);
        await guest.SendAsync('R');
        Assert.Equal("\u0003\0\0\0cat\0-\0ä\0A=b\0", Encoding.UTF8.GetString((await guest.ReceiveAsync('X'))));
        await guest.ReceiveAsync('G');
        Assert.Equal("some input", Encoding.UTF8.GetString(await guest.ReceiveAsync('I')));
        await guest.ReceiveAsync('E');
        await guest.SendAsync('O', "out"u8.ToArray());
        await guest.SendAsync('D', "err"u8.ToArray());
        await guest.SendAsync('Q', [7, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(new ExecResult(7, 0, 0), await run.WaitAsync(Hang));
        Assert.Equal("out", Encoding.UTF8.GetString(output.ToArray()));
        Assert.Equal("err", Encoding.UTF8.GetString(error.ToArray()));
    }

    [Fact]
    public async Task A_long_request_goes_in_pieces_that_a_frame_holds()
    {
        await using var guest = new FakeGuest();
        var text = string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i},"));
        var run = guest.RunAsync(["echo", text], ["A=b"], null, Stream.Null, Stream.Null, default);
        await guest.SendAsync('R');
        var request = new MemoryStream();
        while (await guest.ReceiveAnyAsync() is var (type, piece) && type != 'G')
        {
            Assert.Equal('X', type);
            Assert.InRange(piece.Length, 1, 4096);
            request.Write(piece);
        }
        Assert.Equal(ExecRequest.Create(["echo", text], ["A=b"]).ToArray(), request.ToArray());
        await guest.SendAsync('Q', [0, 0, 0, 0, 0, 0, 0, 0]);
        await run.WaitAsync(Hang);
    }

    /// <summary>
    /// A stream of the caller's may hold back what it is given: each piece of output is flushed, as somebody may be waiting for it.
    /// </summary>
    [Fact]
    public async Task Output_is_not_held_back()
    {
        await using var guest = new FakeGuest();
        var inner = new MemoryStream();
        var run = guest.RunAsync(["x"], [], null, new BufferedStream(inner, 100_000), Stream.Null, default);
        await guest.BeginAsync();
        await guest.ReceiveAsync('E');
        await guest.SendAsync('O', "prompt"u8.ToArray());
        await guest.SendAsync('Q', [0, 0, 0, 0, 0, 0, 0, 0]);
        await run.WaitAsync(Hang);
        Assert.Equal("prompt", Encoding.UTF8.GetString(inner.ToArray()));
    }

    /// <summary>Input, signals and sizes come from several threads.</summary>
    [Fact]
    public async Task Frames_of_several_senders_do_not_mix()
    {
        var port = new SlowPort();
        var host = new AgentConnection(port);
        var signal = host.SignalAsync(15, default);
        var size = host.ResizeAsync(40, 80, default);
        Assert.Equal(1, port.Begun);
        port.Go.SetResult();
        await Task.WhenAll(signal, size).WaitAsync(Hang);
        Assert.Equal([(byte)'S', 1, 0, 0, 15, (byte)'W', 4, 0, 0, 40, 0, 80, 0], port.ToArray());
    }

    [Fact]
    public async Task Never_has_more_input_in_flight_than_the_guest_can_hold()
    {
        await using var guest = new FakeGuest();
        var sent = new byte[50_000];
        new Random(1).NextBytes(sent);
        var run = guest.RunAsync(["cat"], [], new MemoryStream(sent), Stream.Null, Stream.Null, default);
        await guest.SendAsync('R');
        await guest.ReceiveAsync('X');
        await guest.ReceiveAsync('G');
        var received = new MemoryStream();
        var inFlight = 0;
        while (received.Length < sent.Length)
        {
            var (type, payload) = await guest.ReceiveAnyAsync();
            Assert.Equal('I', type);
            received.Write(payload);
            inFlight += payload.Length;
            Assert.InRange(inFlight, 1, 4096);
            if (inFlight < 3000 && received.Length < sent.Length) continue;
            var credit = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(credit, inFlight);
            inFlight = 0;
            await guest.SendAsync('C', credit);
        }
        await guest.ReceiveAsync('E');
        Assert.Equal(sent, received.ToArray());
        await guest.SendAsync('Q', [0, 0, 0, 0, 9, 0, 0, 0]);
        Assert.Equal(9, (await run.WaitAsync(Hang)).Signal);
    }

    [Fact]
    public async Task Says_that_a_command_does_not_exist()
    {
        await using var guest = new FakeGuest();
        var run = guest.RunAsync(["nope"], [], null, Stream.Null, Stream.Null, default);
        await guest.SendAsync('R');
        await guest.SendAsync('F', [2, 0, 0, 0]);
        Assert.True((await run.WaitAsync(Hang)).NotFound);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'Z', 0, 0, 0 })]
    [InlineData(new byte[] { (byte)'R', 1, 0, 1 })]
    public async Task A_first_frame_that_is_nonsense_is_an_error_in_one_sentence(byte[] bytes)
    {
        await using var guest = new FakeGuest();
        var run = guest.RunAsync(["x"], [], null, Stream.Null, Stream.Null, default);
        await guest.SendRawAsync(bytes);
        await Assert.ThrowsAsync<AgentException>(() => run.WaitAsync(Hang));
    }

    [Fact]
    public async Task Random_bytes_from_the_guest_only_ever_end_the_connection()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            await using var guest = new FakeGuest();
            var run = guest.RunAsync(["x"], [], null, Stream.Null, Stream.Null, default);
            await guest.SendAsync('R');
            var bytes = new byte[random.Next(1, 300)];
            random.NextBytes(bytes);
            for (var i = 0; i + 4 < bytes.Length; i += random.Next(5, 40))
            {
                bytes[i] = (byte)"ODCFQR"[random.Next(6)];
                bytes[i + 2] = bytes[i + 3] = 0;
            }
            await guest.SendRawAsync(bytes);
            await guest.CloseAsync();
            var ended = await Record.ExceptionAsync(() => run.WaitAsync(Hang));
            Assert.True(ended is null or AgentException, $"seed {seed}: {ended}");
        }
    }

    [Theory]
    [InlineData('O', 1)]
    [InlineData('D', 2)]
    public async Task Output_that_nobody_reads_any_more_breaks_the_commands_pipe_and_nothing_else(char frame, byte descriptor)
    {
        await using var guest = new FakeGuest();
        var closed = new FailingStream(new OutputClosedException());
        var kept = new MemoryStream();
        var run = guest.RunAsync(["yes"], [], null, frame == 'O' ? closed : kept, frame == 'D' ? closed : kept, default);
        await guest.BeginAsync();
        await guest.ReceiveAsync('E');
        await guest.SendAsync(frame, "y\n"u8.ToArray());
        await guest.SendAsync(frame, "y\n"u8.ToArray());
        Assert.Equal([descriptor], await guest.ReceiveAsync('B'));
        await guest.SendAsync(frame == 'O' ? 'D' : 'O', "kept"u8.ToArray());
        await guest.SendAsync('Q', [3, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(new ExecResult(3, 0, 0), await run.WaitAsync(Hang));
        Assert.Equal("kept", Encoding.UTF8.GetString(kept.ToArray()));
        Assert.False(guest.HasSent);
    }

    [Theory]
    [InlineData('O')]
    [InlineData('D')]
    [InlineData('I')]
    public async Task What_a_stream_of_the_caller_throws_is_thrown(char which)
    {
        await using var guest = new FakeGuest();
        var fault = new IOException("the disk is full");
        Stream Pick(char c) => c == which ? new FailingStream(fault) : Stream.Null;
        var run = guest.RunAsync(["x"], [], Pick('I'), Pick('O'), Pick('D'), default);
        await guest.BeginAsync();
        if (which != 'I') await guest.SendAsync(which, 1);
        Assert.Same(fault, await Assert.ThrowsAsync<IOException>(() => run.WaitAsync(Hang)));
    }

    [Fact]
    public async Task A_stream_that_waits_for_ever_does_not_outlive_cancellation()
    {
        await using var guest = new FakeGuest();
        using var cancel = new System.Threading.CancellationTokenSource();
        var stuck = new StuckStream();
        var run = guest.RunAsync(["x"], [], null, stuck, Stream.Null, cancel.Token);
        await guest.BeginAsync();
        await guest.SendAsync('O', 1);
        await stuck.Reached.Task.WaitAsync(Hang);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Hang));
    }

    /// <summary>How a stream ends a read that is cancelled is its own affair.</summary>
    [Fact]
    public async Task Input_that_fails_when_it_is_cancelled_was_cancelled()
    {
        await using var guest = new FakeGuest();
        using var cancel = new System.Threading.CancellationTokenSource();
        var endless = new EndlessStream();
        var run = guest.RunAsync(["x"], [], endless, Stream.Null, Stream.Null, cancel.Token);
        await guest.BeginAsync();
        await endless.Reached.Task.WaitAsync(Hang);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Hang));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    public async Task Credit_for_input_that_was_never_sent_is_an_error(int credit)
    {
        await using var guest = new FakeGuest();
        var run = guest.RunAsync(["x"], [], null, Stream.Null, Stream.Null, default);
        await guest.BeginAsync();
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, credit);
        await guest.SendAsync('C', bytes);
        await Assert.ThrowsAsync<AgentException>(() => run.WaitAsync(Hang));
    }

    [Theory]
    [InlineData('Q', 256, 0)]
    [InlineData('Q', -1, 0)]
    [InlineData('Q', int.MinValue, 0)]
    [InlineData('Q', 0, 65)]
    [InlineData('Q', 0, -1)]
    [InlineData('F', 0, null)]
    [InlineData('F', -2, null)]
    [InlineData('F', 4096, null)]
    public async Task Results_that_linux_does_not_have_are_errors(char frame, int first, int? second)
    {
        await using var guest = new FakeGuest();
        var run = guest.RunAsync(["x"], [], null, Stream.Null, Stream.Null, default);
        await guest.BeginAsync();
        await guest.SendAsync(frame, [.. BitConverter.GetBytes(first), .. second is { } value ? BitConverter.GetBytes(value) : []]);
        await Assert.ThrowsAsync<AgentException>(() => run.WaitAsync(Hang));
    }

    [Fact]
    public async Task A_shell_learns_the_size_of_its_terminal_and_tells_its_status()
    {
        await using var guest = new FakeGuest();
        var run = guest.Host.RunShellAsync(() => guest.Host.ResizeAsync(40, 300, default), default);
        await guest.SendAsync('R');
        Assert.Equal([40, 0, 44, 1], await guest.ReceiveAsync('W'));
        Assert.True(guest.Host.IsRunning);
        await guest.SendAsync('Q', [3, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(new ExecResult(3, 0, 0), await run.WaitAsync(Hang));
        Assert.False(guest.Host.IsRunning);
    }

    private sealed class FailingStream(IOException fault) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancellationToken = default) =>
            throw fault;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancellationToken = default) =>
            throw fault;
    }

    private sealed class EndlessStream : MemoryStream
    {
        public TaskCompletionSource Reached { get; } = new();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancellationToken = default)
        {
            var waiting = Task.Delay(-1, cancellationToken);
            Reached.TrySetResult();
            await waiting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new IOException("The handle is closed.");
        }
    }

    private sealed class StuckStream : MemoryStream
    {
        public TaskCompletionSource Reached { get; } = new();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancellationToken = default)
        {
            Reached.TrySetResult();
            return new ValueTask(new TaskCompletionSource().Task);
        }
    }

    /// <summary>Takes what is written once it may go.</summary>
    private sealed class SlowPort : MemoryStream
    {
        private int _begun;

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Writes that have begun.</summary>
        public int Begun => System.Threading.Volatile.Read(ref _begun);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            System.Threading.CancellationToken cancellationToken = default)
        {
            System.Threading.Interlocked.Increment(ref _begun);
            await Go.Task;
            Write(buffer.Span);
        }
    }

    private sealed class FakeGuest : IAsyncDisposable
    {
        private readonly Pipe _toHost = new();
        private readonly Pipe _toGuest = new(new PipeOptions(pauseWriterThreshold: 0));

        public FakeGuest() => Host = new AgentConnection(new Duplex(_toHost.Reader.AsStream(), _toGuest.Writer.AsStream()));

        public AgentConnection Host { get; }

        /// <summary>True when the host has sent something that was not received.</summary>
        public bool HasSent => _toGuest.Reader.TryRead(out var rest) && !rest.Buffer.IsEmpty;

        public Task<ExecResult> RunAsync(
            IReadOnlyList<string> command, IReadOnlyList<string> environment, Stream? input, Stream output, Stream error,
            System.Threading.CancellationToken cancel) =>
            Host.RunCommandAsync(ExecRequest.Create(command, environment), input, output, error, cancel);

        /// <summary>The opening of every conversation.</summary>
        public async Task BeginAsync()
        {
            await SendAsync('R');
            await ReceiveAsync('X');
            await ReceiveAsync('G');
        }

        public Task SendAsync(char type, params byte[] payload) =>
            SendRawAsync([(byte)type, (byte)payload.Length, (byte)(payload.Length >> 8), 0, .. payload]);

        public async Task SendRawAsync(byte[] bytes) => await _toHost.Writer.WriteAsync(bytes);

        public async Task CloseAsync() => await _toHost.Writer.CompleteAsync();

        public async Task<byte[]> ReceiveAsync(char expected)
        {
            var (type, payload) = await ReceiveAnyAsync();
            Assert.Equal(expected, type);
            return payload;
        }

        public async Task<(char Type, byte[] Payload)> ReceiveAnyAsync()
        {
            var stream = _toGuest.Reader.AsStream(leaveOpen: true);
            var header = new byte[4];
            await stream.ReadExactlyAsync(header).AsTask().WaitAsync(Hang);
            var payload = new byte[header[1] | (header[2] << 8) | (header[3] << 16)];
            await stream.ReadExactlyAsync(payload).AsTask().WaitAsync(Hang);
            return ((char)header[0], payload);
        }

        public ValueTask DisposeAsync()
        {
            _toHost.Writer.Complete();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Duplex(Stream input, Stream output) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancellationToken = default) =>
            input.ReadAsync(buffer, cancellationToken);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            System.Threading.CancellationToken cancellationToken = default)
        {
            await output.WriteAsync(buffer, cancellationToken);
            await output.FlushAsync(cancellationToken);
        }
    }
}
