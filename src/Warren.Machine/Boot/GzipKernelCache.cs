using System.Security.Cryptography;

namespace Warren.Machines.Boot;

/// <summary>
/// Keeps the decompressed form of gzip kernels, so that it can be mapped and shared. A file is named by the SHA-256 of the compressed
/// and of the decompressed bytes; the second is checked on every use, and an altered copy is made anew.
/// </summary>
internal static class GzipKernelCache
{
    /// <summary>A kernel larger than this is taken for a decompression bomb.</summary>
    private const long MaxDecompressedBytes = 1L << 30;

    public static bool IsGzip(ReadOnlySpan<byte> head) => head.Length >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8;

    /// <summary>Where kernels are kept when the caller does not say: under the XDG cache directory.</summary>
    public static string DefaultDirectory
    {
        get
        {
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(cache) || !Path.IsPathRooted(cache))
            {
                var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
                cache = home.Length > 0 ? Path.Combine(home, ".cache") : Path.GetTempPath();
            }
            return Path.Combine(cache, "warren", "kernels");
        }
    }

    /// <summary>
    /// The path of the decompressed kernel, decompressing it when it is not there. Throws <see cref="MachineConfigurationException"/>
    /// for damaged input, and when the cache cannot be written.
    /// </summary>
    /// <param name="path">The compressed file.</param>
    /// <param name="directory">Where decompressed ones are kept.</param>
    /// <param name="check">Given the path of the content before it is kept: throws when it is no kernel.</param>
    public static string Decompress(string path, string directory, Action<string> check)
    {
        try
        {
            var source = HashFile(path);
            if (FindIntact(directory, source) is { } found)
                return found;
            Directory.CreateDirectory(directory);
            return Expand(path, directory, source, check);
        }
        catch (InvalidDataException e)
        {
            throw new MachineConfigurationException(
                $"The kernel '{path}' is a damaged gzip file, cut short or with something behind its end; copy it again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MachineConfigurationException(
                $"The kernel '{path}' cannot be decompressed into '{directory}': {e.Message.TrimEnd('.')}; decompress it by hand, or set "
                    + $"XDG_CACHE_HOME.", e);
        }
    }

    private static string? FindIntact(string directory, string source)
    {
        if (!Directory.Exists(directory))
            return null;
        foreach (var candidate in Directory.EnumerateFiles(directory, source + ".*.Image"))
        {
            var name = Path.GetFileName(candidate);
            if (name == $"{source}.{HashFile(candidate)}.Image")
                return candidate;
            File.Delete(candidate);
        }
        return null;
    }

    private static string Expand(string path, string directory, string source, Action<string> check)
    {
        var temporary = Path.Combine(directory, $".{source[..16]}-{Guid.NewGuid():N}.part");
        try
        {
            using (var target = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                if (!GzipFile.TryDecompress(path, target, MaxDecompressedBytes))
                    throw new MachineConfigurationException($"The kernel '{path}' decompresses to more than 1 GiB, so it is no kernel.");
            }
            if (new FileInfo(temporary).Length == 0)
                throw new MachineConfigurationException($"The kernel '{path}' is a gzip file of nothing; compress the Image itself.");
            check(temporary);
            var final = Path.Combine(directory, $"{source}.{HashFile(temporary)}.Image");
            File.Move(temporary, final, overwrite: true);
            return final;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static string HashFile(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
