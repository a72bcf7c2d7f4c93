namespace Warren.Images.Packages;

/// <summary>
/// Splits a control file, however long, into its paragraphs at blank lines, holding no more than one of them. The raw form lets a
/// caller look at the first field and skip the tens of thousands of paragraphs that it does not want without decoding them.
/// </summary>
internal sealed class StanzaReader(Stream stream, int maxStanza)
{
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _eof;

    /// <summary>The next paragraph decoded, or null at the end.</summary>
    public Stanza? Read() => ReadRaw(out var raw) ? Stanza.Parse(raw) : null;

    /// <summary>The next paragraph's bytes, valid until the next call. False at the end.</summary>
    /// <exception cref="ImageException">A paragraph is longer than the limit.</exception>
    public bool ReadRaw(out ReadOnlySpan<byte> stanza)
    {
        var scanned = 0;
        while (true)
        {
            ReadOnlySpan<byte> have = _buffer.AsSpan(_start, _end - _start);
            if (scanned == 0)
            {
                var blank = 0;
                while (blank < have.Length && have[blank] is (byte)'\n' or (byte)'\r')
                    blank++;
                _start += blank;
                have = have[blank..];
            }
            var stop = FindBlankLine(have, scanned);
            if (stop >= 0 || (_eof && !have.IsEmpty))
            {
                var length = stop >= 0 ? stop : have.Length;
                if (length > maxStanza)
                    throw TooLong();
                stanza = have[..length];
                _start += length;
                return true;
            }
            if (_eof)
            {
                stanza = default;
                return false;
            }
            // The blank line may straddle this read and the next.
            scanned = Math.Max(0, have.Length - 3);
            Fill();
        }
    }

    // The index of the newline that ends the last line before a blank one, or -1.
    private static int FindBlankLine(ReadOnlySpan<byte> text, int from)
    {
        var lf = text[from..].IndexOf("\n\n"u8);
        var crlf = text[from..].IndexOf("\n\r\n"u8);
        var first = lf < 0 ? crlf : crlf < 0 ? lf : Math.Min(lf, crlf);
        return first < 0 ? -1 : from + first;
    }

    private void Fill()
    {
        var length = _end - _start;
        if (length > maxStanza)
            throw TooLong();
        if (length == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
        else
            Buffer.BlockCopy(_buffer, _start, _buffer, 0, length);
        (_start, _end) = (0, length);
        var count = stream.Read(_buffer, _end, _buffer.Length - _end);
        _eof = count == 0;
        _end += count;
    }

    private static ImageException TooLong() => ImageException.Corrupt(
        "a Debian control file has an endless paragraph; fetch it again or try another mirror with --mirror");
}
