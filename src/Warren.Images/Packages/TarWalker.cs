using System.Text;

namespace Warren.Images.Packages;

/// <summary>
/// Walks the regular files of a tar archive (POSIX ustar and pax, and GNU long names), front to back, one at a time. Nothing is
/// ever created from a name in the archive: a caller takes the files it knows by name. A name or pax record longer than
/// <see cref="MaxExtension"/> is refused, so that a damaged header cannot ask for memory; System.Formats.Tar sizes its buffers by that
/// header.
/// </summary>
#pragma warning disable CA1001 // the section is a view of the caller's stream and owns nothing
internal sealed class TarWalker(Stream stream)
{
    private const int BlockSize = 512;

    /// <summary>Largest pax or long-name record accepted, in bytes.</summary>
    private const int MaxExtension = 64 << 10;

    private readonly byte[] _header = new byte[BlockSize];
    private BoundedStream? _current;
    private int _padding;

    /// <summary>Moves to the next regular file. False at the end of the archive.</summary>
    /// <param name="name">Its path with leading "./" and "/" taken off.</param>
    /// <param name="content">Its bytes, readable until the next call; <see cref="Stream.Length"/> is their number.</param>
    /// <exception cref="ImageException">The archive is malformed or cut short.</exception>
    public bool MoveNext(out string name, out Stream content)
    {
        string? longName = null;
        long? paxSize = null;
        while (ReadHeader())
        {
            var size = paxSize ?? ReadNumber(_header.AsSpan(124, 12));
            _current = new BoundedStream(stream, size);
            _padding = (int)(-size & (BlockSize - 1));
            switch ((char)_header[156])
            {
                case 'L':
                    longName = TrimNul(ReadExtension());
                    break;
                case 'x':
                    ParsePax(ReadExtension(), ref longName, ref paxSize);
                    break;
                case '0' or '\0' or '7':
                    name = Normalize(longName ?? ShortName());
                    content = _current;
                    return true;
                case 'g' or 'K':
                    break;
                default:
                    // Directories, links and devices: their data, if any, is skipped with them.
                    (longName, paxSize) = (null, null);
                    break;
            }
        }
        (name, content) = ("", Stream.Null);
        return false;
    }

    private bool ReadHeader()
    {
        if (_current != null)
        {
            _current.Drain();
            new BoundedStream(stream, _padding).Drain();
            _current = null;
        }
        var got = stream.ReadAtLeast(_header, BlockSize, throwOnEndOfStream: false);
        if (got == 0 || (got == BlockSize && !_header.AsSpan().ContainsAnyExcept((byte)0)))
            return false;
        if (got < BlockSize)
            throw BoundedStream.Truncated();
        var stored = ReadNumber(_header.AsSpan(148, 8));
        long sum = 8 * ' ';
        for (var i = 0; i < BlockSize; i++)
            sum += i is >= 148 and < 156 ? 0 : _header[i];
        return sum == stored ? true : throw Malformed();
    }

    private byte[] ReadExtension()
    {
        if (_current!.Length > MaxExtension)
            throw Malformed();
        var data = new byte[(int)_current.Length];
        _current.ReadExactly(data);
        return data;
    }

    // Records "length key=value\n"; only the path and the size matter here.
    private static void ParsePax(ReadOnlySpan<byte> data, ref string? name, ref long? size)
    {
        while (!data.IsEmpty)
        {
            var space = data.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(data[..space], out var length) || length <= space
                + 1 || length > data.Length || data[length - 1] != '\n')
            {
                throw Malformed();
            }
            var record = data[(space + 1)..(length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals < 0)
                throw Malformed();
            var key = record[..equals];
            var value = record[(equals + 1)..];
            if (key.SequenceEqual("path"u8))
                name = Encoding.UTF8.GetString(value);
            else if (key.SequenceEqual("size"u8))
                size = long.TryParse(value, out var parsed) && parsed >= 0 ? parsed : throw Malformed();
            data = data[length..];
        }
    }

    private string ShortName()
    {
        var name = TrimNul(_header.AsSpan(0, 100));
        var posix = _header.AsSpan(257, 6).SequenceEqual("ustar\0"u8);
        var prefix = posix ? TrimNul(_header.AsSpan(345, 155)) : "";
        return prefix.Length > 0 ? prefix + "/" + name : name;
    }

    private static string Normalize(string name)
    {
        while (name.StartsWith("./", StringComparison.Ordinal))
            name = name[2..];
        return name.TrimStart('/');
    }

    private static string TrimNul(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    // Octal text ended by NUL or space, or GNU's base 256 marked by the top bit.
    private static long ReadNumber(ReadOnlySpan<byte> field)
    {
        long value = 0;
        if ((field[0] & 0x80) != 0)
        {
            if (field[0] != 0x80)
                throw Malformed();
            foreach (var b in field[1..])
            {
                if (value >> 54 != 0)
                    throw Malformed();
                value = (value << 8) | b;
            }
            return value;
        }
        var any = false;
        foreach (var b in field)
        {
            if (b is >= (byte)'0' and <= (byte)'7')
                value = value * 8 + (b - '0');
            else if (b is not ((byte)' ' or 0))
                throw Malformed();
            else if (any)
                break;
            else
                continue;
            any = true;
        }
        return value;
    }

    private static ImageException Malformed() => ImageException.Corrupt("the Debian package is damaged (bad tar header); fetch it again");
}
