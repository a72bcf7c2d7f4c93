using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Threading;

namespace Warren.Agent;

/// <summary>
/// The host's end of the agent protocol over a serial port. One command or shell a connection; the guest is not trusted, so every frame is
/// checked.
/// </summary>
/// <param name="port">The guest's second UART, binary clean, both directions.</param>
[SuppressMessage("Reliability", "CA1001",
    Justification = "A semaphore without a wait handle owns nothing, and a read that could not be cancelled may end after us.")]
internal sealed class AgentConnection(Stream port)
{
    /// <summary>
    /// Bytes of standard input that may be in flight; the guest's tty buffer holds at least as many, so none is ever lost.
    /// </summary>
    private const int StandardInputWindow = 4096;

    private const int MaxErrno = 4095, MaxSignal = 64;

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SemaphoreSlim _credited = new(0);
    private readonly byte[] _payload = new byte[AgentFrame.MaxPayload];
    private readonly byte[] _header = new byte[AgentFrame.HeaderBytes];
    private int _window = StandardInputWindow;
    private volatile bool _running;

    /// <summary>True while there is somebody in the guest whom signals and window sizes can reach.</summary>
    public bool IsRunning => _running;

    /// <summary>Waits for the agent, has it start a command, and carries the command's input and output until it has ended.</summary>
    /// <param name="request">See <see cref="ExecRequest"/>.</param>
    /// <param name="input">Its standard input; null for an empty one.</param>
    /// <param name="output">Receives its standard output.</param>
    /// <param name="error">Receives its standard error.</param>
    /// <param name="cancel">Leaves the command to itself.</param>
    /// <exception cref="AgentException">The guest broke the protocol or closed the port.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="Exception">Whatever one of the three streams threw, but <see cref="OutputClosedException"/>.</exception>
    public async Task<ExecResult> RunCommandAsync(ReadOnlyMemory<byte> request, Stream? input, Stream output, Stream error,
        CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await ReadyAsync(cancel).ConfigureAwait(false);
        for (var at = 0; at < request.Length; at += AgentFrame.MaxPayload)
        {
            await SendAsync(AgentFrameType.Exec, request[at..Math.Min(at + AgentFrame.MaxPayload, request.Length)], cancel)
                .ConfigureAwait(false);
        }
        await SendAsync(AgentFrameType.Go, default, cancel).ConfigureAwait(false);

        _running = true;
        try
        {
            var ending = PumpOutputAsync(new Output(1, output), new Output(2, error), stop.Token);
            // The command does not wait for input that it does not read, so only a failure of the input ends the run before the output
            // does.
            var feeding = Task.Run(() => PumpInputAsync(input, stop.Token), CancellationToken.None);
            if (await Task.WhenAny(ending, feeding).ConfigureAwait(false) == feeding) await feeding.ConfigureAwait(false);
            return await ending.ConfigureAwait(false);
        }
        finally
        {
            _running = false;
            await stop.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Waits until the shell on the guest's console has ended.</summary>
    /// <param name="ready">Called once the shell can be reached.</param>
    /// <param name="cancel">Leaves the shell to itself.</param>
    /// <exception cref="AgentException">The guest broke the protocol or closed the port.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<ExecResult> RunShellAsync(Func<Task> ready, CancellationToken cancel)
    {
        await ReadyAsync(cancel).ConfigureAwait(false);
        _running = true;
        try
        {
            await ready().ConfigureAwait(false);
            return await PumpOutputAsync(new Output(1, Stream.Null), new Output(2, Stream.Null), cancel).ConfigureAwait(false);
        }
        finally
        {
            _running = false;
        }
    }

    /// <summary>Delivers a signal to the command's process group.</summary>
    public Task SignalAsync(int signal, CancellationToken cancel) => SendAsync(AgentFrameType.Signal, new byte[] { (byte)signal }, cancel);

    /// <summary>Tells the shell's terminal its size.</summary>
    public Task ResizeAsync(int rows, int columns, CancellationToken cancel)
    {
        var size = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(size, (ushort)rows);
        BinaryPrimitives.WriteUInt16LittleEndian(size.AsSpan(2), (ushort)columns);
        return SendAsync(AgentFrameType.WindowSize, size, cancel);
    }

    private async Task ReadyAsync(CancellationToken cancel)
    {
        var (type, _) = await ReadFrameAsync(cancel).ConfigureAwait(false);
        if (type != AgentFrameType.Ready)
            throw new AgentException($"The guest's agent opened with frame type 0x{(byte)type:x2} instead of 'R'.");
    }

    /// <summary>Ends when all input is sent or can be sent no more; throws only what <paramref name="input"/> threw.</summary>
    private async Task PumpInputAsync(Stream? input, CancellationToken cancel)
    {
        var buffer = new byte[StandardInputWindow];
        while (input is not null)
        {
            int room;
            int read;
            try
            {
                while ((room = Volatile.Read(ref _window)) <= 0) await _credited.WaitAsync(cancel).ConfigureAwait(false);
                read = await input.ReadAsync(buffer.AsMemory(0, Math.Min(room, buffer.Length)), cancel).ConfigureAwait(false);
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            if (read == 0) break;
            Interlocked.Add(ref _window, -read);
            if (!await TrySendAsync(AgentFrameType.StandardInput, buffer.AsMemory(0, read), cancel).ConfigureAwait(false)) return;
        }
        await TrySendAsync(AgentFrameType.EndOfInput, default, cancel).ConfigureAwait(false);
    }

    private async Task<ExecResult> PumpOutputAsync(Output output, Output error, CancellationToken cancel)
    {
        while (true)
        {
            var (type, length) = await ReadFrameAsync(cancel).ConfigureAwait(false);
            var payload = _payload.AsMemory(0, length);
            switch (type)
            {
                case AgentFrameType.StandardOutput:
                    await DeliverAsync(output, payload, cancel).ConfigureAwait(false);
                    break;
                case AgentFrameType.StandardError:
                    await DeliverAsync(error, payload, cancel).ConfigureAwait(false);
                    break;
                case AgentFrameType.Credit when length == 4:
                    var credit = BinaryPrimitives.ReadUInt32LittleEndian(payload.Span);
                    if (credit == 0 || credit > StandardInputWindow - Volatile.Read(ref _window))
                        throw new AgentException($"The guest's agent credited {credit} bytes that were never sent.");
                    Interlocked.Add(ref _window, (int)credit);
                    _credited.Release();
                    break;
                case AgentFrameType.ExecFailed when length == 4:
                    return new ExecResult(0, 0, Within(BinaryPrimitives.ReadInt32LittleEndian(payload.Span), 1, MaxErrno));
                case AgentFrameType.Exited when length == 8:
                    return new ExecResult(
                        Within(BinaryPrimitives.ReadInt32LittleEndian(payload.Span), 0, byte.MaxValue),
                        Within(BinaryPrimitives.ReadInt32LittleEndian(payload.Span[4..]), 0, MaxSignal), 0);
                default:
                    throw new AgentException(
                        $"The guest's agent sent frame type 0x{(byte)type:x2} with {length} bytes, which its protocol does not have.");
            }
        }
    }

    /// <summary>Writes to the user's stream; when nobody reads that any more, the guest closes its end of the command's pipe.</summary>
    private async Task DeliverAsync(Output output, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        if (output.IsBroken) return;
        try
        {
            // A stream that waits for a reader need not know of cancellation.
            await output.Stream.WriteAsync(payload, cancel).AsTask().WaitAsync(cancel).ConfigureAwait(false);
            await output.Stream.FlushAsync(cancel).WaitAsync(cancel).ConfigureAwait(false);
        }
        catch (OutputClosedException)
        {
            output.IsBroken = true;
            await TrySendAsync(AgentFrameType.Broken, new byte[] { output.Number }, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>False when the line has ended or the run was cancelled: whoever reads the line will say so.</summary>
    private async Task<bool> TrySendAsync(AgentFrameType type, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        try
        {
            await SendAsync(type, payload, cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is AgentException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task SendAsync(AgentFrameType type, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        var frame = new byte[AgentFrame.HeaderBytes + payload.Length];
        AgentFrame.WriteHeader(frame, type, payload.Length);
        payload.CopyTo(frame.AsMemory(AgentFrame.HeaderBytes));
        await _writing.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            await port.WriteAsync(frame, cancel).ConfigureAwait(false);
        }
        catch (IOException)
        {
            throw LineEnded();
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task<(AgentFrameType Type, int Length)> ReadFrameAsync(CancellationToken cancel)
    {
        try
        {
            await port.ReadExactlyAsync(_header, cancel).ConfigureAwait(false);
            var (type, length) = AgentFrame.ReadHeader(_header);
            if (length > AgentFrame.MaxPayload)
                throw new AgentException($"The guest's agent announced a frame of {length} bytes; the most is {AgentFrame.MaxPayload}.");
            await port.ReadExactlyAsync(_payload.AsMemory(0, length), cancel).ConfigureAwait(false);
            return (type, length);
        }
        catch (EndOfStreamException)
        {
            throw LineEnded();
        }
    }

    private static int Within(int value, int least, int most) =>
        value >= least && value <= most ? value
        : throw new AgentException($"The guest's agent reported {value}, which is no status, signal or error of Linux.");

    private static AgentException LineEnded() => new("The guest ended before the command did.", lineEnded: true);

    /// <summary>Where one of the command's two outputs goes; <paramref name="number"/> is its descriptor in the guest.</summary>
    private sealed class Output(byte number, Stream stream)
    {
        public byte Number => number;

        public Stream Stream => stream;

        public bool IsBroken { get; set; }
    }
}
