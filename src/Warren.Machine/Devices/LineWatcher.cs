using System.Buffers;
using System.Text;

namespace Warren.Machines.Devices;

/// <summary>
/// Follows a console's output for the kernel's announcement that it died. Text ends nothing; it explains an end that the machine has seen.
/// Only what begins a line counts (after the kernel's timestamp, if it prints one), and only as long as no more follows than a kernel says
/// while it dies. Called under the UART's lock.
/// </summary>
internal sealed class LineWatcher
{
    private const int MaxLine = 512;

    /// <summary>Lines of registers and calls that follow a panic, with room for those of 16 CPUs.</summary>
    private const int LastWords = 1000;

    private static readonly SearchValues<byte> PrefixBytes = SearchValues.Create(" 0123456789.TC[]"u8);

    private byte[] _buffer = new byte[MaxLine];
    private byte[] _last = new byte[MaxLine];
    private int _length;
    private int _linesSince;
    private int _lastLength;
    private volatile string? _panic;

    /// <summary>The line that announced a panic, without its timestamp; null when none of late did.</summary>
    public string? Panic => _panic;

    /// <summary>The last line that was not empty, ended or not; "" when there was none.</summary>
    public string LastLine => Encoding.UTF8.GetString(_length > 0 ? _buffer.AsSpan(0, _length) : _last.AsSpan(0, _lastLength)).Trim();

    private static ReadOnlySpan<byte> PanicMarker => "Kernel panic - not syncing"u8;

    public void Feed(byte value)
    {
        if (value is (byte)'\n' or (byte)'\r')
        {
            if (_length > 0)
            {
                EndLine();
                (_buffer, _last) = (_last, _buffer);
                (_lastLength, _length) = (_length, 0);
            }
        }
        else if (_length < MaxLine)
        {
            _buffer[_length++] = value;
        }
    }

    private void EndLine()
    {
        var line = AfterTimestamp(_buffer.AsSpan(0, _length));
        if (line.StartsWith(PanicMarker))
            (_panic, _linesSince) = (Encoding.UTF8.GetString(line), 0);
        else if (++_linesSince > LastWords)
            _panic = null;
    }

    /// <summary>Drops a prefix such as <c>[    1.234567] </c>.</summary>
    private static ReadOnlySpan<byte> AfterTimestamp(ReadOnlySpan<byte> line)
    {
        if (line.Length == 0 || line[0] != (byte)'[')
            return line;
        var end = line.IndexOf("] "u8);
        return end > 0 && !line[1..end].ContainsAnyExcept(PrefixBytes) ? line[(end + 2)..] : line;
    }
}
