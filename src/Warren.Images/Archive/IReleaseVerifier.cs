using System.Threading;

namespace Warren.Images.Archive;

/// <summary>Checks the OpenPGP signature of an archive.</summary>
public interface IReleaseVerifier
{
    /// <summary>Verifies a clear-signed message and returns the text that the signature covers, and nothing else.</summary>
    /// <param name="signed">The whole InRelease file.</param>
    /// <exception cref="ImageException">No good signature by a trusted key, or there is no means to tell.</exception>
    Task<ReadOnlyMemory<byte>> VerifyAsync(ReadOnlyMemory<byte> signed, CancellationToken cancellation);
}
