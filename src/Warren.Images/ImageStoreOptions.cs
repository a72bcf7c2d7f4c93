using Warren.Images.Archive;
using Warren.Images.Transfer;

namespace Warren.Images;

/// <summary>Where an <see cref="ImageStore"/> keeps its files and gets them from.</summary>
public sealed record ImageStoreOptions
{
    /// <summary>The cache; null for $XDG_CACHE_HOME/warren or ~/.cache/warren.</summary>
    public string? Directory { get; init; }

    /// <summary>Where the mirror is named.</summary>
    public MirrorOptions Mirror { get; init; } = new();

    /// <summary>Debian's suite, by codename.</summary>
    public string Suite { get; init; } = "trixie";

    /// <summary>
    /// The keyring that the archive's signature is checked with (<c>--keyring</c>); null for WARREN_KEYRING, else Debian's own.
    /// </summary>
    public string? Keyring { get; init; }

    /// <summary>The verifier of the signature; null for the host's gpgv or sqv.</summary>
    public IReleaseVerifier? Verifier { get; init; }

    /// <summary>How environment variables are read.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;

    /// <summary>The clock that the archive's expiry is compared with.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    internal TransferOptions Transfer { get; init; } = TransferOptions.Default;

    internal Func<Stream, Stream> WrapOutput { get; init; } = stream => stream;
}
