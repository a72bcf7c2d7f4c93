using System.Text.Json;
using System.Text.Json.Serialization;
using Warren.Images.Archive;

namespace Warren.Images.Cache;

/// <summary>The cache's table of contents, manifest.json: the pulls, oldest first.</summary>
/// <param name="Format">1.</param>
internal sealed record Manifest(int Format, IReadOnlyList<ImagePull> Pulls)
{
    private const int CurrentFormat = 1;
    private const int MaxFileSize = 1 << 20;
    private const int MaxPulls = 32;

    public static Manifest Empty { get; } = new(CurrentFormat, []);

    /// <summary>The pull that guests start from, or null.</summary>
    [JsonIgnore]
    public ImagePull? Newest => Pulls.Count > 0 ? Pulls[^1] : null;

    /// <summary>Reads the file; one that is absent is an empty manifest.</summary>
    /// <exception cref="ImageException">It is damaged, of another version of Warren, or cannot be read; the message names it and says what
    /// is wrong, and nothing else.</exception>
    public static Manifest Load(CacheDirectory cache)
    {
        CacheDirectory.RefuseFile(cache.Root);
        try
        {
            FileInfo file = new(cache.Manifest);
            if (Directory.Exists(cache.Manifest))
                throw Bad(cache, "is a directory");
            if (!file.Exists)
                return Empty;
            // Pipes and devices have no length either, and one must not wait for them.
            if (file.Length == 0)
                throw Bad(cache, "is damaged");
            return file.Length > MaxFileSize ? throw Bad(cache, "is damaged: it is far too long")
                : Parse(File.ReadAllBytes(cache.Manifest), cache);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw Bad(cache, $"cannot be read ({CacheErrors.Reason(e)})");
        }
    }

    /// <summary>As <see cref="Load"/>, but one that is no good is empty, and said to be so: everything is fetched again.</summary>
    public static Manifest LoadOrEmpty(CacheDirectory cache, IProgress<PullProgress>? progress)
    {
        try
        {
            return Load(cache);
        }
        catch (ImageException e) when (e.Error == ImageError.Corrupt)
        {
            progress?.Report(new PullProgress($"{e.Message}; everything is fetched again", 0, 0));
            return Empty;
        }
    }

    private static Manifest Parse(ReadOnlySpan<byte> text, CacheDirectory cache)
    {
        try
        {
            // The format first: what a newer one holds is not for this version to judge.
            var format = JsonSerializer.Deserialize(text, ManifestJson.Default.ManifestFormat)?.Format;
            if (format > CurrentFormat)
                throw Bad(cache, $"was written by a newer version of Warren (format {format}; this one knows {CurrentFormat})");
            var manifest = format == CurrentFormat ? JsonSerializer.Deserialize(text, ManifestJson.Default.Manifest) : null;
            return manifest is { Pulls: not null } && manifest.Pulls.All(IsSound) ? manifest : throw Bad(cache, "is damaged");
        }
        catch (JsonException)
        {
            throw Bad(cache, "is damaged");
        }
    }

    private static ImageException Bad(CacheDirectory cache, string what) =>
        ImageException.Corrupt($"the image cache's table of contents {cache.Manifest} {what}");

    /// <exception cref="ImageException">The file cannot be written.</exception>
    public void Save(CacheDirectory cache) =>
        cache.WriteAtomically(cache.Manifest, JsonSerializer.SerializeToUtf8Bytes(this, ManifestJson.Default.Manifest));

    /// <summary>
    /// With a pull added as the newest; it replaces earlier ones of the very same files. The oldest are forgotten, and pruned, beyond 32.
    /// </summary>
    public Manifest With(ImagePull pull) =>
        new(CurrentFormat, [.. Pulls.Where(p => !p.Entries.SequenceEqual(pull.Entries)).TakeLast(MaxPulls - 1), pull]);

    // A manifest altered by hand must not lead outside the cache.
    private static bool IsSound(ImagePull? pull) =>
        pull is { Entries.Count: > 0, Mirror: not null, Suite: not null, Release: not null, ReleaseDigest: not null }
        && pull.Entries.All(e => e is { Size: > 0, Package: not null, Version: not null, File: not null, PackageSha256: not null }
            && RelativePath.IsSafeName(e.File)
            && Sha256Text.IsValid(e.Sha256));
}

/// <summary>The part that every version of a manifest has.</summary>
internal sealed record ManifestFormat(int Format);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(ManifestFormat))]
internal sealed partial class ManifestJson : JsonSerializerContext;
