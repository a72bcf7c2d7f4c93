using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Warren.Lab.Mutation;

/// <summary>Files that save work: one that cannot be read, or holds something else, is none; one that cannot be written is said.</summary>
internal static class KeptFile
{
    internal static string? Read(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static T? Read<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return Read(path) is { } text ? JsonSerializer.Deserialize(text, type) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>All of it or nothing.</summary>
    /// <exception cref="VariantException">It cannot be written.</exception>
    internal static void Write<T>(string path, T value, JsonTypeInfo<T> type)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path + ".tmp", JsonSerializer.Serialize(value, type));
            File.Move(path + ".tmp", path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VariantException(
                $"{path} cannot be written ({e.Message.TrimEnd('.')}); make room there, or point XDG_CACHE_HOME to another place");
        }
    }
}
