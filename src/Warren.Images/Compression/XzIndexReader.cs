namespace Warren.Images.Compression;

/// <summary>Reads the index field by field while keeping its CRC-32; the indicator byte (0) has been read already.</summary>
internal sealed class XzIndexReader
{
    private readonly XzInput _input;

    public XzIndexReader(XzInput input)
    {
        _input = input;
        Crc = Compression.Crc.Compute32([0]);
    }

    /// <summary>The CRC-32 of everything read so far.</summary>
    public uint Crc { get; private set; }

    public byte ReadByte()
    {
        var value = _input.ReadByte();
        Crc = Compression.Crc.Append32(Crc, [value]);
        return value;
    }

    /// <summary>A variable-length integer: seven bits a byte, least significant first, at most nine bytes, no padding byte.</summary>
    public long ReadInteger()
    {
        long value = 0;
        for (var i = 0; i < 9; i++)
        {
            var b = ReadByte();
            value |= (long)(b & 0x7F) << (7 * i);
            if ((b & 0x80) == 0)
                return b == 0 && i > 0 ? throw XzStream.Damaged("index") : value;
        }
        throw XzStream.Damaged("index");
    }
}
