using System.Buffers.Binary;

namespace Warren.Images.Compression;

/// <summary>
/// Reads the .xz container (version 1.0.4 and later of its specification): one or more streams, each of blocks with one LZMA2 filter, an
/// index and a footer. Everything that the format lets a reader check is checked: header, index and footer CRCs, block sizes, the integrity
/// check of the content, the index against the blocks met, padding bytes, and the footer against the header.
/// </summary>
/// <remarks>
/// Memory: the dictionary (at most <see cref="Lzma2Decoder.MaxDictionarySize"/>) and 4 MiB. Any fault is an <see cref="ImageException"/>.
/// </remarks>
public sealed class XzStream : Stream
{
    private static ReadOnlySpan<byte> HeaderMagic => [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];
    private static ReadOnlySpan<byte> FooterMagic => "YZ"u8;

    private const int HeaderSize = 12;

    private enum Stage
    {
        StreamHeader,
        Block,
        BlockData,
        End,
    }

    private readonly Stream _source;
    private readonly XzInput _input;
    private readonly Lzma2Decoder _decoder;
    private Stage _stage = Stage.StreamHeader;
    private XzCheck? _check;
    private XzIndexTally _blocks = new();
    private ushort _flags;
    private XzBlock _block;
    private ReadOnlyMemory<byte> _pending;

    /// <param name="source">The compressed bytes, read ahead of need; disposed with this stream.</param>
    public XzStream(Stream source)
    {
        _source = source;
        _input = new XzInput(source);
        _decoder = new Lzma2Decoder(_input);
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        while (_pending.IsEmpty)
        {
            if (!Advance())
                return 0;
        }
        var count = Math.Min(buffer.Length, _pending.Length);
        _pending.Span[..count].CopyTo(buffer);
        _pending = _pending[count..];
        return count;
    }

    // One step of the container's grammar; false at the end of the last stream.
    private bool Advance()
    {
        switch (_stage)
        {
            case Stage.StreamHeader:
                ReadStreamHeader();
                _stage = Stage.Block;
                return true;
            case Stage.Block:
                var size = _input.ReadByte();
                if (size != 0)
                {
                    _block = XzBlock.Read(_input, size);
                    _decoder.StartBlock(_block.DictionarySize, _block.UncompressedSize);
                    _stage = Stage.BlockData;
                }
                else
                {
                    ReadIndexAndFooter();
                    _stage = SkipStreamPadding() ? Stage.Block : Stage.End;
                }
                return true;
            case Stage.BlockData:
                if (_decoder.ReadChunk(out var output))
                    Deliver(output);
                else
                    FinishBlock();
                return true;
            default:
                return false;
        }
    }

    private void ReadStreamHeader()
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        _input.ReadExactly(header);
        StartStream(header);
    }

    private void StartStream(ReadOnlySpan<byte> header)
    {
        if (!header[..6].SequenceEqual(HeaderMagic))
            throw ImageException.Corrupt("the data is not in the xz format; fetch it again");
        if (Crc.Compute32(header[6..8]) != BinaryPrimitives.ReadUInt32LittleEndian(header[8..]))
            throw Damaged("stream header");
        if (header[6] != 0 || (header[7] & 0xF0) != 0)
            throw new ImageException(ImageError.Unsupported, "the xz data sets flags of a later format that Warren does not know");
        _flags = BinaryPrimitives.ReadUInt16LittleEndian(header[6..]);
        _check?.Dispose();
        _check = new XzCheck(header[7]);
        _blocks.Dispose();
        _blocks = new XzIndexTally();
    }

    private void Deliver(ReadOnlyMemory<byte> output)
    {
        _block.Produced += output.Length;
        if (_block.UncompressedSize >= 0 && _block.Produced > _block.UncompressedSize)
            throw Damaged("block size");
        if (_block.CompressedSize >= 0 && _input.Position - _block.DataStart > _block.CompressedSize)
            throw Damaged("block size");
        _check!.Append(output.Span);
        _pending = output;
    }

    private void FinishBlock()
    {
        var compressed = _input.Position - _block.DataStart;
        if ((_block.CompressedSize >= 0 && compressed != _block.CompressedSize)
            || (_block.UncompressedSize >= 0 && _block.Produced != _block.UncompressedSize))
        {
            throw Damaged("block size");
        }
        SkipZeros((int)(-compressed & 3));
        Span<byte> stored = stackalloc byte[32];
        stored = stored[.._check!.Size];
        _input.ReadExactly(stored);
        if (!_check.MatchesAndReset(stored))
            throw Damaged("content check");
        _blocks.Add(_block.HeaderSize + compressed + _check.Size, _block.Produced);
        _stage = Stage.Block;
    }

    private void ReadIndexAndFooter()
    {
        var start = _input.Position - 1;
        XzIndexReader index = new(_input);
        using XzIndexTally listed = new();
        var count = index.ReadInteger();
        if (count != _blocks.Count)
            throw Damaged("index");
        for (long i = 0; i < count; i++)
            listed.Add(index.ReadInteger(), index.ReadInteger());
        while (((_input.Position - start) & 3) != 0)
        {
            if (index.ReadByte() != 0)
                throw Damaged("index");
        }
        Span<byte> footer = stackalloc byte[4 + HeaderSize];
        var indexSize = _input.Position - start + 4;
        _input.ReadExactly(footer);
        if (!listed.Matches(_blocks) || BinaryPrimitives.ReadUInt32LittleEndian(footer) != index.Crc)
            throw Damaged("index");
        footer = footer[4..];
        if (!footer[10..].SequenceEqual(FooterMagic)
            || Crc.Compute32(footer[4..10]) != BinaryPrimitives.ReadUInt32LittleEndian(footer)
            || (BinaryPrimitives.ReadUInt32LittleEndian(footer[4..]) + 1L) * 4 != indexSize
            || BinaryPrimitives.ReadUInt16LittleEndian(footer[8..]) != _flags)
        {
            throw Damaged("stream footer");
        }
    }

    // Between streams: zero bytes in fours. True when another stream's header followed and was read.
    private bool SkipStreamPadding()
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        while (true)
        {
            var first = _input.TryReadByte();
            if (first < 0)
                return false;
            header[0] = (byte)first;
            _input.ReadExactly(header[1..4]);
            if (header[..4].ContainsAnyExcept((byte)0))
                break;
        }
        _input.ReadExactly(header[4..]);
        StartStream(header);
        return true;
    }

    private void SkipZeros(int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (_input.ReadByte() != 0)
                throw Damaged("block padding");
        }
    }

    internal static ImageException Damaged(string part) => ImageException.Corrupt($"the xz data is damaged (bad {part}); fetch it again");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _check?.Dispose();
            _blocks.Dispose();
            _source.Dispose();
        }
        base.Dispose(disposing);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
