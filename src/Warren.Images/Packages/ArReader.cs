using System.Buffers.Text;

namespace Warren.Images.Packages;

/// <summary>Walks the members of a Unix <c>ar</c> archive, the outer form of a Debian package (deb(5)).</summary>
#pragma warning disable CA1001 // the section is a view of the caller's stream and owns nothing
internal sealed class ArReader
{
    private static ReadOnlySpan<byte> Magic => "!<arch>\n"u8;

    private const int HeaderSize = 60;

    private readonly Stream _stream;
    private BoundedStream? _current;
    private bool _odd;

    /// <exception cref="ImageException">Not an ar archive.</exception>
    public ArReader(Stream stream)
    {
        _stream = stream;
        Span<byte> magic = stackalloc byte[8];
        if (stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) != magic.Length || !magic.SequenceEqual(Magic))
            throw ImageException.Corrupt("the file is not a Debian package (no ar archive); fetch it again");
    }

    /// <summary>Moves to the next member, skipping what is left of the one before. False at the end of the archive.</summary>
    /// <param name="name">Its name without padding.</param>
    /// <param name="content">Its bytes, readable until the next call; never more or fewer than its header says.</param>
    /// <exception cref="ImageException">A malformed header, or the archive ends inside a member.</exception>
    public bool MoveNext(out string name, out Stream content)
    {
        if (_current != null)
        {
            _current.Drain();
            if (_odd && _stream.ReadByte() < 0)
                throw BoundedStream.Truncated();
        }
        Span<byte> header = stackalloc byte[HeaderSize];
        var got = _stream.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false);
        if (got == 0)
        {
            (name, content) = ("", Stream.Null);
            return false;
        }
        ReadOnlySpan<byte> digits = header[48..58].TrimEnd((byte)' ');
        if (got < HeaderSize
            || !header[58..].SequenceEqual("`\n"u8)
            || !Utf8Parser.TryParse(digits, out long size, out var used)
            || used != digits.Length
            || size < 0)
        {
            throw ImageException.Corrupt("the Debian package is damaged (bad ar member); fetch it again");
        }
        ReadOnlySpan<byte> rawName = header[..16].TrimEnd((byte)' ');
        if (rawName.EndsWith("/"u8))
            rawName = rawName[..^1];
        name = System.Text.Encoding.Latin1.GetString(rawName);
        _odd = (size & 1) != 0;
        content = _current = new BoundedStream(_stream, size);
        return true;
    }
}
