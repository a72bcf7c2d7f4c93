using Warren.Images.Mirrors;

namespace Warren.Images;

/// <summary>Finds the mirror to fetch from: the user's word, the environment's, or the one that the host's apt uses.</summary>
public static class MirrorLocator
{
    /// <exception cref="ImageException">Nothing names a mirror, or what does is not an http or https URL.</exception>
    public static Mirror Locate(MirrorOptions options)
    {
        var settings = ReadSettings(options.AptDirectory);
        if (!string.IsNullOrWhiteSpace(options.Mirror))
            return FromUser(options.Mirror.Trim(), "--mirror", settings);
        var named = options.Environment(options.EnvironmentVariable);
        if (!string.IsNullOrWhiteSpace(named))
            return FromUser(named.Trim(), options.EnvironmentVariable, settings);

        (AptSource Source, string File)? best = null;
        var bestScore = 0;
        foreach ((var source, var file) in ReadSources(options.AptDirectory))
        {
            var score = source.DebianLikeness();
            if (score > bestScore)
                (best, bestScore) = ((source, file), score);
        }
        if (best is not { } found)
        {
            throw new ImageException(ImageError.Configuration,
                $"no Debian mirror is configured in {options.AptDirectory}; name one with --mirror URL or {options.EnvironmentVariable}");
        }
        return Make(new Uri(found.Source.Uri), found.File, settings);
    }

    /// <summary>Every source in the order in which apt reads its files.</summary>
    internal static IEnumerable<(AptSource Source, string File)> ReadSources(string aptDirectory)
    {
        List<string> files = [Path.Combine(aptDirectory, "sources.list")];
        files.AddRange(FilesIn(Path.Combine(aptDirectory, "sources.list.d")));
        foreach (var file in files)
        {
            var list = file.EndsWith(".list", StringComparison.Ordinal);
            if ((!list && !file.EndsWith(".sources", StringComparison.Ordinal)) || TryReadText(file) is not { } text)
                continue;
            foreach (var source in list ? AptSource.ParseList(text) : AptSource.ParseDeb822(text))
                yield return (source, file);
        }
    }

    private static Dictionary<string, string> ReadSettings(string aptDirectory)
    {
        Dictionary<string, string> settings = [];
        foreach (var file in FilesIn(Path.Combine(aptDirectory, "apt.conf.d")).Append(Path.Combine(aptDirectory, "apt.conf")))
        {
            if (Path.GetExtension(file) is "" or ".conf" && TryReadText(file) is { } text)
                AptProxy.Read(text, settings);
        }
        return settings;
    }

    private static Mirror FromUser(string text, string origin, Dictionary<string, string> settings)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
        {
            throw new ImageException(ImageError.Configuration,
                $"the mirror given by {origin} is not an http or https URL; give the root of a Debian archive, the directory that holds "
                    + $"dists and pool");
        }
        return Make(uri, origin, settings);
    }

    private static Mirror Make(Uri uri, string origin, Dictionary<string, string> settings)
    {
        var credentials = uri.UserInfo.Length > 0 ? Uri.UnescapeDataString(uri.UserInfo) : null;
        UriBuilder builder = new(uri) { UserName = "", Password = "", Query = "", Fragment = "" };
        builder.Path = builder.Path.TrimEnd('/') + "/";
        var proxy = AptProxy.For(uri, settings);
        var direct = string.Equals(proxy, "DIRECT", StringComparison.OrdinalIgnoreCase);
        Uri? proxyUri = null;
        if (!direct && !string.IsNullOrEmpty(proxy) && Uri.TryCreate(proxy, UriKind.Absolute, out var parsed) && parsed.Scheme is "http"
            or "https")
        {
            proxyUri = parsed;
        }
        return new Mirror(builder.Uri, origin, proxyUri, direct, credentials);
    }

    private static IEnumerable<string> FilesIn(string directory)
    {
        try
        {
            return Directory.GetFiles(directory).Order(StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string? TryReadText(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
