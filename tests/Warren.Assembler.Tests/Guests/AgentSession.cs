using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Warren.Asm.Tests.Guests;

/// <summary>The end of a command: the guest's last frame, and all that came before.</summary>
internal sealed record AgentOutcome(char Type, uint Value, uint Signal, byte[] Output, byte[] Errors, int Credited);

/// <summary>The guest's <c>init</c> as an ordinary process under <c>qemu-riscv64</c>, with a socket as its serial line.</summary>
internal sealed partial class AgentSession : IDisposable
{
    private const int Window = 4096;
    private static readonly Lazy<string> Init = new(AssembleInit);

    private readonly Process _process;
    private readonly NetworkStream _line;

    private AgentSession(Process process, Socket socket)
    {
        _process = process;
        _line = new NetworkStream(socket, ownsSocket: true);
        socket.ReceiveTimeout = 20_000;
    }

    public static bool IsPossible => OperatingSystem.IsLinux() && File.Exists("/bin/bash") && Exists("qemu-riscv64");

    public static AgentSession Start()
    {
        const int unix = 1;
        const int stream = 1;
        var ends = new int[2];
        Assert.Equal(0, SocketPair(unix, stream, 0, ends));
        using var ours = new SafeSocketHandle(ends[1], ownsHandle: true);
        // Only a shell can give a child a descriptor of its choice.
        var process = Process.Start(new ProcessStartInfo("/bin/bash",
            ["-c", $"exec 3<&{ends[1]} {ends[1]}<&- {ends[0]}<&- qemu-riscv64 {Init.Value}"]))!;
        var session = new AgentSession(process, new Socket(new SafeSocketHandle(ends[0], ownsHandle: true)));
        Assert.Equal(('R', 0), (session.Read(out var payload), payload.Length));
        return session;
    }

    public static AgentOutcome Run(string[] command, string[]? environment = null, byte[]? input = null, bool endInput = true,
        int signalAtOutput = 0)
    {
        using var session = Start();
        session.Request(command, environment ?? []);
        return session.Converse(input ?? [], endInput, signalAtOutput);
    }

    public void Request(string[] command, string[] environment)
    {
        var request = new MemoryStream();
        request.Write(BitConverter.GetBytes(command.Length));
        foreach (var text in command.Concat(environment))
            request.Write(Encoding.UTF8.GetBytes(text + "\0"));
        foreach (var piece in request.ToArray().Chunk(4096))
            Send('X', piece);
        Send('G', []);
    }

    public void Send(char type, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[4 + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, type | (payload.Length << 8));
        payload.CopyTo(frame.AsSpan(4));
        _line.Write(frame);
    }

    public AgentOutcome Converse(byte[] input, bool endInput, int signalAtOutput, int signalAfterInput = 0)
    {
        var output = new MemoryStream();
        var errors = new MemoryStream();
        var sent = 0;
        var credited = 0;
        var ended = !endInput;
        while (true)
        {
            var room = Math.Min(Window - (sent - credited), input.Length - sent);
            if (room > 0)
            {
                Send('I', input.AsSpan(sent, room));
                sent += room;
            }
            if (sent == input.Length && !ended)
            {
                Send('E', []);
                ended = true;
            }
            var type = Read(out var payload);
            switch (type)
            {
                case 'O':
                    output.Write(payload);
                    if (signalAtOutput != 0)
                        Send('S', [(byte)signalAtOutput]);
                    signalAtOutput = 0;
                    break;
                case 'D':
                    errors.Write(payload);
                    break;
                case 'C':
                    credited += BinaryPrimitives.ReadInt32LittleEndian(payload);
                    Assert.InRange(credited, 0, sent);
                    if (credited == input.Length && signalAfterInput != 0)
                        Send('S', [(byte)signalAfterInput]);
                    break;
                default:
                    var signal = payload.Length == 8 ? BinaryPrimitives.ReadUInt32LittleEndian(payload.AsSpan(4)) : 0;
                    Assert.Equal(type == 'Q' ? 8 : 4, payload.Length);
                    return new AgentOutcome(type, BinaryPrimitives.ReadUInt32LittleEndian(payload), signal, output.ToArray(),
                        errors.ToArray(), credited);
            }
        }
    }

    public char Read(out byte[] payload)
    {
        var header = new byte[4];
        _line.ReadExactly(header);
        payload = new byte[BinaryPrimitives.ReadInt32LittleEndian(header) >>> 8];
        Assert.InRange(payload.Length, 0, 4096);
        _line.ReadExactly(payload);
        return (char)header[0];
    }

    /// <summary>True when the agent has ended, and left nothing in the line.</summary>
    public bool HasEnded()
    {
        try
        {
            if (_line.ReadByte() >= 0)
                return false;
        }
        catch (IOException)
        {
            // Reset: it ended without reading all that we sent.
        }
        return _process.WaitForExit(20_000);
    }

    public void Dispose()
    {
        _line.Dispose();
        if (!_process.WaitForExit(10_000))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static string AssembleInit()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("warren-init-").FullName, "init.elf");
        var options = new AssemblerOptions { Output = OutputKind.Elf, Base = 0x10000 };
        File.WriteAllBytes(path, Assembler.AssembleFiles([Path.Combine(Repository.Guest, "init", "init.s")], options).Bytes);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        return path;
    }

    private static bool Exists(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, program)));

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, [Out] int[] descriptors);
}
