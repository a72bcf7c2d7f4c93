namespace Warren.Images;

/// <summary>The kind of trouble an <see cref="ImageException"/> reports; a program maps it to an exit status.</summary>
public enum ImageError
{
    /// <summary>No mirror, a malformed option, no home directory, no verifier or keyring on this host.</summary>
    Configuration,

    /// <summary>The mirror cannot be reached, or broke off again and again.</summary>
    Network,

    /// <summary>The mirror does not have what was asked for (404), or not this suite, architecture or package.</summary>
    NotFound,

    /// <summary>The archive's signature is bad, by an unknown key, or expired.</summary>
    Signature,

    /// <summary>Bytes do not have the recorded size or SHA-256, or a file is not of the format it should be.</summary>
    Corrupt,

    /// <summary>A format that exists but that Warren does not read (zstd, an exotic xz filter).</summary>
    Unsupported,

    /// <summary>The cache cannot be written: permission, read-only file system, no such place.</summary>
    CacheUnwritable,

    /// <summary>The file system of the cache is full, or a quota is reached.</summary>
    NoSpace,

    /// <summary>Nothing usable in the cache and fetching was forbidden.</summary>
    Offline,
}

/// <summary>
/// The only exception that leaves Warren.Images besides <see cref="OperationCanceledException"/> and the argument exceptions of a
/// caller's mistake. The message is one sentence for a user: the cause, and the remedy where there is one.
/// </summary>
public sealed class ImageException : WarrenException
{
    public ImageException(ImageError error, string message)
        : base(message) => Error = error;

    public ImageException(ImageError error, string message, Exception? inner)
        : base(message, inner) => Error = error;

    public ImageError Error { get; }

    internal static ImageException Corrupt(string message) => new(ImageError.Corrupt, message);
}
