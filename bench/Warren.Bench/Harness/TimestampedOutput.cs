using System.Diagnostics;
using System.Text;

namespace Warren.Bench.Harness;

/// <summary>Takes a guest command's output and notes when each line was complete.</summary>
internal sealed class TimestampedOutput : Stream
{
    private readonly StringBuilder _line = new();
    private readonly Dictionary<string, (long Time, TimeSpan Cpu)> _seen = [];

    /// <summary>Seconds between two lines.</summary>
    /// <exception cref="InvalidOperationException">The guest did not print both.</exception>
    public double SecondsBetween(string first, string second) =>
        Between(first, second, static (a, b) => Stopwatch.GetElapsedTime(a.Time, b.Time).TotalSeconds);

    /// <summary>
    /// Seconds of CPU that the process spent between two lines: of a guest with one hart the same on a machine that others use, too.
    /// </summary>
    /// <exception cref="InvalidOperationException">The guest did not print both.</exception>
    public double CpuSecondsBetween(string first, string second) => Between(first, second, static (a, b) => (b.Cpu - a.Cpu).TotalSeconds);

    /// <summary>Seconds from the <see cref="Stopwatch"/> timestamp <paramref name="start"/> to a line.</summary>
    public double SecondsSince(long start, string line) =>
        _seen.TryGetValue(line, out var t) ? Stopwatch.GetElapsedTime(start, t.Time).TotalSeconds
        : throw new InvalidOperationException($"The guest did not print '{line}'.");

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var now = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        foreach (var b in buffer)
        {
            if (b == (byte)'\r') continue;
            if (b != '\n')
            {
                _line.Append((char)b);
                continue;
            }
            _seen.TryAdd(_line.ToString(), now);
            _line.Clear();
        }
    }

    private double Between(string first, string second, Func<(long Time, TimeSpan Cpu), (long Time, TimeSpan Cpu), double> passed) =>
        _seen.TryGetValue(first, out var a) && _seen.TryGetValue(second, out var b)
            ? passed(a, b)
            : throw new InvalidOperationException($"The guest did not print '{first}' and '{second}', but: {string.Join(' ', _seen.Keys)}");

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
