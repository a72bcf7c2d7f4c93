using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Warren.Images.Compression;

/// <summary>
/// Blocks as met and index records as read, each boiled down to a count and a SHA-256 of the size pairs: comparing two tallies
/// compares the lists, in constant memory however many blocks there are.
/// </summary>
internal sealed class XzIndexTally : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Count { get; private set; }

    public void Add(long unpaddedSize, long uncompressedSize)
    {
        Span<byte> pair = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(pair, unpaddedSize);
        BinaryPrimitives.WriteInt64LittleEndian(pair[8..], uncompressedSize);
        _hash.AppendData(pair);
        Count++;
    }

    public bool Matches(XzIndexTally other)
    {
        Span<byte> mine = stackalloc byte[32];
        Span<byte> theirs = stackalloc byte[32];
        _hash.GetCurrentHash(mine);
        other._hash.GetCurrentHash(theirs);
        return Count == other.Count && mine.SequenceEqual(theirs);
    }

    public void Dispose() => _hash.Dispose();
}
