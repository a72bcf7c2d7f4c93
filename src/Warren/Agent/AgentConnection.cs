using System.Buffers.Binary;
using System.Text;
using System.Threading;

namespace Warren.Agent;

/// <summary>
/// The host's end of the agent protocol over a serial port. One command a connection; the guest is not trusted, so every frame is checked.
/// </summary>
/// <param name="port">The guest's second UART, binary clean, both directions.</param>
internal sealed class AgentConnection(Stream port) : IDisposable
{
    /// <summary>Bytes of standard input that may be in flight; the guest's tty buffer holds at least as many, so none is ever lost.</summary>
    private const int StandardInputWindow = 4096;

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SemaphoreSlim _credited = new(0);
    private readonly byte[] _payload = new byte[AgentFrame.MaxPayload];
    private readonly byte[] _header = new byte[AgentFrame.HeaderBytes];
    private int _window = StandardInputWindow;
    private volatile bool _running;

    /// <summary>True while a command runs that signals can reach.</summary>
    public bool IsRunning => _running;

    /// <summary>Waits for the agent, runs <paramref name="command"/>, and carries its input and output until it has ended.</summary>
    /// <exception cref="AgentException">The guest broke the protocol or closed the port.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<ExecResult> RunAsync(
        IReadOnlyList<string> command, IReadOnlyList<string> environment, Stream? input, Stream output, Stream error, CancellationToken cancel)
    {
        var (type, _) = await ReadFrameAsync(cancel).ConfigureAwait(false);
        if (type != AgentFrameType.Ready) throw new AgentException($"The guest's agent opened with frame type 0x{(byte)type:x2} instead of 'R'.");
        await SendCommandAsync(command, environment, cancel).ConfigureAwait(false);

        _running = true;
        using var stopInput = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // Not awaited at the end: reading a terminal cannot be cancelled, and the command does not wait for input it does not read.
        _ = Task.Run(() => PumpInputAsync(input, stopInput.Token), CancellationToken.None);
        try
        {
            return await PumpOutputAsync(output, error, cancel).ConfigureAwait(false);
        }
        finally
        {
            _running = false;
            await stopInput.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _writing.Dispose();
        _credited.Dispose();
    }

    /// <summary>Delivers a signal to the command's process group.</summary>
    public Task SignalAsync(int signal, CancellationToken cancel) => SendAsync(AgentFrameType.Signal, new byte[] { (byte)signal }, cancel);

    private async Task SendCommandAsync(IReadOnlyList<string> command, IReadOnlyList<string> environment, CancellationToken cancel)
    {
        var request = new MemoryStream();
        var count = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(count, command.Count);
        request.Write(count);
        foreach (var s in command) WriteString(request, s);
        foreach (var s in environment) WriteString(request, s);
        var bytes = request.ToArray();
        for (var at = 0; at < bytes.Length; at += AgentFrame.MaxPayload)
        {
            var chunk = bytes.AsMemory(at, Math.Min(AgentFrame.MaxPayload, bytes.Length - at));
            await SendAsync(AgentFrameType.Exec, chunk, cancel).ConfigureAwait(false);
        }
        await SendAsync(AgentFrameType.Go, default, cancel).ConfigureAwait(false);
    }

    private static void WriteString(MemoryStream request, string s)
    {
        request.Write(Encoding.UTF8.GetBytes(s));
        request.WriteByte(0);
    }

    private async Task PumpInputAsync(Stream? input, CancellationToken cancel)
    {
        try
        {
            var buffer = new byte[StandardInputWindow];
            while (input is not null)
            {
                int room;
                while ((room = Volatile.Read(ref _window)) <= 0) await _credited.WaitAsync(cancel).ConfigureAwait(false);
                var read = await input.ReadAsync(buffer.AsMemory(0, Math.Min(room, buffer.Length)), cancel).ConfigureAwait(false);
                if (read == 0) break;
                Interlocked.Add(ref _window, -read);
                await SendAsync(AgentFrameType.StandardInput, buffer.AsMemory(0, read), cancel).ConfigureAwait(false);
            }
            await SendAsync(AgentFrameType.EndOfInput, default, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The command ended first, or our own standard input broke; either way there is no more to send.
        }
    }

    private async Task<ExecResult> PumpOutputAsync(Stream output, Stream error, CancellationToken cancel)
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
                    if (credit > StandardInputWindow) throw new AgentException($"The guest's agent credited {credit} bytes that were never sent.");
                    Interlocked.Add(ref _window, (int)credit);
                    _credited.Release();
                    break;
                case AgentFrameType.ExecFailed when length == 4:
                    return new ExecResult(0, 0, BinaryPrimitives.ReadInt32LittleEndian(payload.Span));
                case AgentFrameType.Exited when length == 8:
                    return new ExecResult(
                        BinaryPrimitives.ReadInt32LittleEndian(payload.Span) & 0xFF,
                        BinaryPrimitives.ReadInt32LittleEndian(payload.Span[4..]) & 0x7F, 0);
                default:
                    throw new AgentException($"The guest's agent sent frame type 0x{(byte)type:x2} with {length} bytes, which its protocol does not have.");
            }
        }
    }

    /// <summary>Writes to the user's stream; when that is closed, the command learns it as it would from a pipe: by SIGPIPE.</summary>
    private async Task DeliverAsync(Stream destination, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        const int brokenPipe = 13;
        try
        {
            await destination.WriteAsync(payload, cancel).ConfigureAwait(false);
            await destination.FlushAsync(cancel).ConfigureAwait(false);
        }
        catch (IOException)
        {
            await SignalAsync(brokenPipe, cancel).ConfigureAwait(false);
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
            if (length > AgentFrame.MaxPayload) throw new AgentException($"The guest's agent announced a frame of {length} bytes; the most is {AgentFrame.MaxPayload}.");
            await port.ReadExactlyAsync(_payload.AsMemory(0, length), cancel).ConfigureAwait(false);
            return (type, length);
        }
        catch (EndOfStreamException)
        {
            throw new AgentException("The guest ended before the command did.");
        }
    }
}
