using System.Buffers.Binary;

namespace Warren.Images.Compression;

/// <summary>
/// The chunk layer of LZMA2. Each call decodes one chunk (at most 2 MiB) behind the history in one linear buffer, which slides
/// when it is full; the dictionary's last bytes always stay. One decoder serves the blocks of a stream one after another.
/// </summary>
internal sealed unsafe class Lzma2Decoder
{
    /// <summary>The largest dictionary accepted: what <c>xz -9</c> uses. More would let a small file ask for gigabytes.</summary>
    public const int MaxDictionarySize = 64 << 20;

    private const int MaxChunkOutput = 1 << 21;
    private const int MaxChunkInput = 1 << 16;
    private const int FirstBuffer = 1 << 16;

    private readonly XzInput _input;
    private readonly LzmaDecoder _lzma = new();
    private readonly byte[] _compressed = new byte[MaxChunkInput + LzmaDecoder.InputSlack];
    private byte[] _buffer = [];
    private int _dictionarySize;
    private int _wanted;
    private int _position;
    private int _history;
    private uint _sinceReset;
    private bool _needsDictionaryReset;
    private bool _needsProperties;

    public Lzma2Decoder(XzInput input) => _input = input;

    /// <summary>The dictionary size that the filter property byte stands for, in bytes.</summary>
    /// <exception cref="ImageException">The byte is out of range, or the dictionary is larger than Warren allows.</exception>
    public static int DictionarySize(byte property)
    {
        if (property > 40)
            throw ImageException.Corrupt("the xz data names an impossible dictionary size; fetch it again");
        var size = property == 40 ? uint.MaxValue : (2L | (property & 1)) << (property / 2 + 11);
        if (size > MaxDictionarySize)
        {
            throw new ImageException(ImageError.Unsupported,
                $"the xz data needs a dictionary of {size >> 20} MiB, and Warren allows {MaxDictionarySize >> 20} MiB");
        }
        return (int)size;
    }

    /// <summary>
    /// Prepares for a new block. <paramref name="outputSize"/> is its uncompressed size when known, else -1; it only saves memory.
    /// </summary>
    public void StartBlock(int dictionarySize, long outputSize)
    {
        _dictionarySize = dictionarySize;
        _position = 0;
        _history = 0;
        _needsDictionaryReset = true;
        _needsProperties = true;
        var keep = outputSize >= 0 ? (int)Math.Min(dictionarySize, outputSize) : dictionarySize;
        var room = outputSize >= 0 ? (int)Math.Min(2L * MaxChunkOutput, outputSize) : 2 * MaxChunkOutput;
        // The sizes in a header are only claims, so memory beyond one chunk's is taken when output really arrives.
        _wanted = keep + Math.Max(room, 1);
        if (_buffer.Length == 0)
            _buffer = GC.AllocateUninitializedArray<byte>(Math.Min(_wanted, FirstBuffer));
    }

    /// <summary>Decodes the next chunk; the memory is valid until the next call. False at the end marker of the block.</summary>
    /// <exception cref="ImageException">The chunk is malformed or cut short.</exception>
    public bool ReadChunk(out ReadOnlyMemory<byte> output)
    {
        var control = _input.ReadByte();
        if (control == 0)
        {
            output = default;
            return false;
        }
        if (control >= 0xE0 || control == 1)
        {
            _needsDictionaryReset = false;
            _needsProperties = true;
            _history = 0;
            _sinceReset = 0;
        }
        else if (_needsDictionaryReset)
        {
            throw Malformed();
        }

        var length = control >= 0x80 ? ReadLzmaChunk(control) : ReadPlainChunk(control);
        output = _buffer.AsMemory(_position, length);
        _position += length;
        _history += Math.Min(length, int.MaxValue - _history);
        _sinceReset += (uint)length;
        return true;
    }

    private int ReadPlainChunk(byte control)
    {
        if (control > 2)
            throw Malformed();
        var length = ReadUInt16() + 1;
        MakeRoom(length);
        _input.ReadExactly(_buffer.AsSpan(_position, length));
        return length;
    }

    private int ReadLzmaChunk(byte control)
    {
        var length = ((control & 0x1F) << 16) + ReadUInt16() + 1;
        var compressedLength = ReadUInt16() + 1;
        if (control >= 0xC0)
        {
            if (!_lzma.SetProperties(_input.ReadByte()))
                throw Malformed();
            _needsProperties = false;
        }
        else if (_needsProperties)
        {
            throw Malformed();
        }
        if (control >= 0xA0)
            _lzma.ResetState();
        _input.ReadExactly(_compressed.AsSpan(0, compressedLength));
        MakeRoom(length);
        fixed (byte* compressed = _compressed)
        fixed (byte* buffer = _buffer)
        {
            var history = Math.Min(_history, _position);
            if (!_lzma.Decode(compressed, compressedLength, buffer, _position, length, history, _dictionarySize, _sinceReset))
                throw Malformed();
        }
        return length;
    }

    // Grows the buffer towards its wanted size; when it has that, moves the dictionary's bytes to the front.
    private void MakeRoom(int length)
    {
        if (_buffer.Length - _position >= length)
            return;
        var keep = Math.Min(Math.Min(_history, _position), _dictionarySize);
        var needed = keep + length;
        var target = _buffer;
        if (needed > _buffer.Length || _buffer.Length < _wanted)
        {
            var doubled = Math.Max(2L * _buffer.Length, needed);
            var full = Math.Max(_wanted, needed);
            target = GC.AllocateUninitializedArray<byte>((int)Math.Min(doubled, full));
        }
        _buffer.AsSpan(_position - keep, keep).CopyTo(target);
        _buffer = target;
        _position = keep;
    }

    private int ReadUInt16()
    {
        Span<byte> bytes = stackalloc byte[2];
        _input.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt16BigEndian(bytes);
    }

    private static ImageException Malformed() => ImageException.Corrupt("the xz data is damaged (bad LZMA2 chunk); fetch it again");
}
