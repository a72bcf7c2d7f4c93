namespace Warren.Images;

/// <summary>Where a mirror may be named; the first that names one counts, in the order of these properties.</summary>
public sealed record MirrorOptions
{
    /// <summary>The user's own choice (<c>--mirror</c>): an absolute http or https URL of a Debian archive's root.</summary>
    public string? Mirror { get; init; }

    /// <summary>The environment variable read next.</summary>
    public string EnvironmentVariable { get; init; } = "WARREN_MIRROR";

    /// <summary>The host's apt configuration, read last.</summary>
    public string AptDirectory { get; init; } = "/etc/apt";

    /// <summary>How environment variables are read.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;
}

/// <summary>A Debian archive to fetch from.</summary>
/// <param name="Root">The archive's root, ending in a slash; below it are dists/ and pool/. Without user information.</param>
/// <param name="Origin">Who named it: "--mirror", "WARREN_MIRROR", or a file of apt's.</param>
/// <param name="Proxy">The proxy that apt is told to use for it; null for the environment's (http_proxy and its kin).</param>
/// <param name="Direct">Whether apt is told to use no proxy at all.</param>
/// <param name="Credentials">"user:password" out of the URL, or null; it never appears in a message.</param>
public sealed record Mirror(Uri Root, string Origin, Uri? Proxy, bool Direct, string? Credentials)
{
    private bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append("Root = ").Append(Root).Append(", Origin = ").Append(Origin);
        return true;
    }
}
