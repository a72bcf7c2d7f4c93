using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Warren.Images.Compression;

/// <summary>
/// The integrity check over a block's uncompressed bytes: none, CRC-32, CRC-64 or SHA-256, by the id in the stream flags.
/// </summary>
internal sealed class XzCheck : IDisposable
{
    private readonly int _id;
    private readonly IncrementalHash? _sha256;
    private ulong _crc;

    /// <exception cref="ImageException">The id is one that the .xz format reserves.</exception>
    public XzCheck(int id)
    {
        _id = id;
        Size = id switch
        {
            0 => 0,
            1 => 4,
            4 => 8,
            10 => 32,
            _ => throw new ImageException(ImageError.Unsupported, $"the xz data uses integrity check {id}, which Warren does not know"),
        };
        if (id == 10)
            _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    }

    /// <summary>Bytes that the check takes after each block.</summary>
    public int Size { get; }

    public void Append(ReadOnlySpan<byte> data)
    {
        switch (_id)
        {
            case 1:
                _crc = Crc.Append32((uint)_crc, data);
                break;
            case 4:
                _crc = Crc.Append64(_crc, data);
                break;
            case 10:
                _sha256!.AppendData(data);
                break;
        }
    }

    /// <summary>Compares with the stored check and starts over for the next block.</summary>
    public bool MatchesAndReset(ReadOnlySpan<byte> stored)
    {
        Span<byte> computed = stackalloc byte[32];
        switch (_id)
        {
            case 1:
                BinaryPrimitives.WriteUInt32LittleEndian(computed, (uint)_crc);
                break;
            case 4:
                BinaryPrimitives.WriteUInt64LittleEndian(computed, _crc);
                break;
            case 10:
                _sha256!.GetHashAndReset(computed);
                break;
        }
        _crc = 0;
        return computed[..Size].SequenceEqual(stored);
    }

    public void Dispose() => _sha256?.Dispose();
}
