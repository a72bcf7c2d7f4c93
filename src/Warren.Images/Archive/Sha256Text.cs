using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Warren.Images.Archive;

/// <summary>SHA-256 digests as 64 lower-case hexadecimal digits, the form of the archive's indexes and of the manifest.</summary>
internal static class Sha256Text
{
    private const int BufferSize = 1 << 18;

    public static bool IsValid([NotNullWhen(true)] string? text) =>
        text is { Length: 64 } && text.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');

    public static string Of(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(SHA256.HashData(data));

    /// <summary>Digest of a stream from its position to its end.</summary>
    public static string Of(Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        int count;
        while ((count = stream.Read(buffer)) > 0)
            hash.AppendData(buffer, 0, count);
        ArrayPool<byte>.Shared.Return(buffer);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
