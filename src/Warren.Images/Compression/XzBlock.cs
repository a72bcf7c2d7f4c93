using System.Buffers.Binary;

namespace Warren.Images.Compression;

/// <summary>A block's header, and what has been produced of it. Sizes are -1 where the header leaves them out.</summary>
internal struct XzBlock
{
    private const int MaxHeaderSize = 1024;

    public int HeaderSize;
    public long CompressedSize;
    public long UncompressedSize;
    public int DictionarySize;
    public long DataStart;
    public long Produced;

    /// <param name="input">Positioned behind the size byte.</param>
    /// <param name="sizeByte">The header's real size divided by 4, less 1; not 0.</param>
    public static XzBlock Read(XzInput input, byte sizeByte)
    {
        var size = (sizeByte + 1) * 4;
        Span<byte> header = stackalloc byte[MaxHeaderSize];
        header = header[..size];
        header[0] = sizeByte;
        input.ReadExactly(header[1..]);
        if (Crc.Compute32(header[..^4]) != BinaryPrimitives.ReadUInt32LittleEndian(header[^4..]))
            throw XzStream.Damaged("block header");

        var flags = header[1];
        if ((flags & 0x3C) != 0)
            throw new ImageException(ImageError.Unsupported, "the xz data sets block flags of a later format that Warren does not know");
        ReadOnlySpan<byte> fields = header[2..^4];
        XzBlock block = new() { HeaderSize = size, CompressedSize = -1, UncompressedSize = -1, DataStart = input.Position };
        if ((flags & 0x40) != 0)
            block.CompressedSize = ReadInteger(ref fields);
        if ((flags & 0x80) != 0)
            block.UncompressedSize = ReadInteger(ref fields);
        var filter = ReadInteger(ref fields);
        var propertiesSize = ReadInteger(ref fields);
        if ((flags & 3) != 0 || filter != 0x21)
        {
            throw new ImageException(ImageError.Unsupported,
                "the xz data is packed with a filter other than plain LZMA2, which Warren does not unpack");
        }
        if (propertiesSize != 1 || fields.IsEmpty || fields[1..].ContainsAnyExcept((byte)0) || block.CompressedSize == 0)
            throw XzStream.Damaged("block header");
        block.DictionarySize = Lzma2Decoder.DictionarySize(fields[0]);
        return block;
    }

    private static long ReadInteger(ref ReadOnlySpan<byte> fields)
    {
        long value = 0;
        for (var i = 0; i < 9 && i < fields.Length; i++)
        {
            var b = fields[i];
            value |= (long)(b & 0x7F) << (7 * i);
            if ((b & 0x80) == 0)
            {
                if (b == 0 && i > 0)
                    break;
                fields = fields[(i + 1)..];
                return value;
            }
        }
        throw XzStream.Damaged("block header");
    }
}
