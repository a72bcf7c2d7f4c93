using System.Diagnostics;
using System.Text;

namespace Warren.Bench.Harness;

/// <summary>Takes a guest command's output and notes when each line was complete.</summary>
internal sealed class TimestampedOutput : Stream
{
    private readonly StringBuilder _line = new();
    private readonly Dictionary<string, long> _seen = [];

    /// <summary>Seconds between two lines.</summary>
    /// <exception cref="InvalidOperationException">The guest did not print both.</exception>
    public double SecondsBetween(string first, string second) =>
        _seen.TryGetValue(first, out var a) && _seen.TryGetValue(second, out var b)
            ? Stopwatch.GetElapsedTime(a, b).TotalSeconds
            : throw new InvalidOperationException($"The guest did not print '{first}' and '{second}', but: {string.Join(' ', _seen.Keys)}");

    /// <summary>Seconds from the <see cref="Stopwatch"/> timestamp <paramref name="start"/> to a line.</summary>
    public double SecondsSince(long start, string line) =>
        _seen.TryGetValue(line, out var t) ? Stopwatch.GetElapsedTime(start, t).TotalSeconds : throw new InvalidOperationException($"The guest did not print '{line}'.");

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var now = Stopwatch.GetTimestamp();
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
