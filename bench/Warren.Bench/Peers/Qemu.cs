using System.Diagnostics;
using System.Globalization;

namespace Warren.Bench.Peers;

/// <summary>
/// QEMU's TCG: <c>qemu-system-riscv64 -machine virt</c> with the same kernel, initramfs, memory and command line as Warren. The guest's
/// agent speaks over QEMU's only UART, which the kernel's console shares; the console is kept quiet.
/// </summary>
internal sealed class Qemu : IDisposable
{
    public const string PeerName = "qemu-tcg";

    private readonly Process _process;

    private Qemu(Process process) => _process = process;

    /// <summary>Time of the launch, a <see cref="Stopwatch"/> timestamp.</summary>
    public long Launched { get; private init; }

    public int ProcessId => _process.Id;

    /// <summary>All that the guest's console prints, firmware included, until it powers off.</summary>
    public Stream Console => _process.StandardOutput.BaseStream;

    /// <summary>The guest's serial port from the moment at which its agent says that it is ready.</summary>
    public Stream Port => new AfterMarker(_process.StandardOutput.BaseStream, _process.StandardInput.BaseStream);

    /// <summary>Starts the guest; null when QEMU is not installed.</summary>
    public static Qemu? TryStart(string kernel, string? initrd, string commandLine, long memoryBytes, int cpus)
    {
        var start = new ProcessStartInfo("qemu-system-riscv64")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var megabytes = (memoryBytes >> 20).ToString(CultureInfo.InvariantCulture);
        foreach (var argument in new[]
        {
            "-machine", "virt", "-display", "none", "-serial", "stdio", "-monitor", "none", "-nodefaults", "-no-reboot",
            "-m", megabytes, "-smp", cpus.ToString(CultureInfo.InvariantCulture),
            "-kernel", kernel, "-append", commandLine,
        })
        {
            start.ArgumentList.Add(argument);
        }
        if (initrd is not null)
        {
            start.ArgumentList.Add("-initrd");
            start.ArgumentList.Add(initrd);
        }
        var launched = Stopwatch.GetTimestamp();
        try
        {
            var process = Process.Start(start)!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            return new Qemu(process) { Launched = launched };
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    public void Dispose()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        catch (InvalidOperationException)
        {
            // It ended by itself.
        }
        _process.Dispose();
    }

    /// <summary>Skips what firmware and kernel print until the agent's ready frame, which is 'R' and three zero bytes.</summary>
    private sealed class AfterMarker(Stream input, Stream output) : Stream
    {
        private static readonly byte[] Marker = [(byte)'R', 0, 0, 0];
        private int _matched;
        private int _replayed;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancel = default)
        {
            var one = new byte[1];
            while (_matched < Marker.Length)
            {
                if (await input.ReadAsync(one, cancel).ConfigureAwait(false) == 0) return 0;
                _matched = one[0] == Marker[_matched] ? _matched + 1 : one[0] == Marker[0] ? 1 : 0;
            }
            if (_replayed < Marker.Length)
            {
                var n = Math.Min(buffer.Length, Marker.Length - _replayed);
                Marker.AsMemory(_replayed, n).CopyTo(buffer);
                _replayed += n;
                return n;
            }
            return await input.ReadAsync(buffer, cancel).ConfigureAwait(false);
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancel = default)
        {
            await output.WriteAsync(buffer, cancel).ConfigureAwait(false);
            await output.FlushAsync(cancel).ConfigureAwait(false);
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
        public override void Write(byte[] buffer, int offset, int count) =>
            WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
        public override void Flush() => output.Flush();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
