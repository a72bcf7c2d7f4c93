using System.Text.Json;
using System.Text.Json.Serialization;
using Warren.Images.Archive;

namespace Warren.Images.Cache;

/// <summary>The cache's table of contents, manifest.json: the pulls, oldest first.</summary>
/// <param name="Format">1. A file of another format counts as an empty cache.</param>
internal sealed record Manifest(int Format, IReadOnlyList<ImagePull> Pulls)
{
    private const int CurrentFormat = 1;
    private const int MaxFileSize = 1 << 20;
    private const int MaxPulls = 32;

    public static Manifest Empty { get; } = new(CurrentFormat, []);

    /// <summary>The pull that guests start from, or null.</summary>
    [JsonIgnore]
    public ImagePull? Newest => Pulls.Count > 0 ? Pulls[^1] : null;

    /// <summary>Reads the file. One that is absent, damaged or from another version of Warren is an empty manifest: everything is fetched again.</summary>
    public static Manifest Load(string path)
    {
        try
        {
            FileInfo file = new(path);
            if (!file.Exists || file.Length > MaxFileSize)
                return Empty;
            Manifest? manifest = JsonSerializer.Deserialize(File.ReadAllBytes(path), ManifestJson.Default.Manifest);
            return manifest is { Format: CurrentFormat, Pulls: not null } ? new Manifest(CurrentFormat, [.. manifest.Pulls.Where(IsSound)]) : Empty;
        }
        catch (Exception e) when (e is JsonException || CacheErrors.IsFileSystemError(e))
        {
            return Empty;
        }
    }

    /// <exception cref="ImageException">The file cannot be written.</exception>
    public void Save(CacheDirectory cache) =>
        cache.WriteAtomically(cache.Manifest, JsonSerializer.SerializeToUtf8Bytes(this, ManifestJson.Default.Manifest));

    /// <summary>With a pull added as the newest; it replaces earlier ones of the very same files. The oldest are forgotten, and pruned, beyond 32.</summary>
    public Manifest With(ImagePull pull) =>
        new(CurrentFormat, [.. Pulls.Where(p => !p.Entries.SequenceEqual(pull.Entries)).TakeLast(MaxPulls - 1), pull]);

    // A manifest altered by hand must not lead outside the cache.
    private static bool IsSound(ImagePull? pull) =>
        pull is { Entries.Count: > 0, Mirror: not null, Suite: not null, Release: not null, ReleaseDigest: not null }
        && pull.Entries.All(e => e is { Size: > 0, Package: not null, Version: not null, File: not null, PackageSha256: not null }
            && RelativePath.IsSafeName(e.File)
            && Sha256Text.IsValid(e.Sha256));
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Manifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
