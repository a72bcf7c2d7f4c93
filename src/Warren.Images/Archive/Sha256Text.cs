using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Threading;

namespace Warren.Images.Archive;

/// <summary>SHA-256 digests as 64 lower-case hexadecimal digits, the form of the archive's indexes and of the manifest.</summary>
internal static class Sha256Text
{
    public static bool IsValid([NotNullWhen(true)] string? text) =>
        text is { Length: 64 } && text.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');

    public static string Of(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(SHA256.HashData(data));

    /// <summary>Digest of a stream from its position to its end.</summary>
    public static async Task<string> OfAsync(Stream stream, CancellationToken cancellation) =>
        Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));
}
