using Warren.Images.Archive;

namespace Warren.Images.Cache;

/// <summary>
/// The files of the cache: <c>manifest.json</c>, <c>lock</c>, <c>content/</c> (what guests are made of), <c>partial/</c> (downloads that
/// can be resumed) and temporary files next to what they will become. A file appears under its own name only when it is complete and on
/// disk.
/// </summary>
internal sealed class CacheDirectory
{
    public const string TemporaryPrefix = ".tmp-";

    private readonly Func<Stream, Stream> _wrapOutput;

    /// <param name="root">Absolute.</param>
    /// <param name="wrapOutput">Stands between the store and every file it writes; tests put a full disk there.</param>
    public CacheDirectory(string root, Func<Stream, Stream> wrapOutput)
    {
        Root = root;
        _wrapOutput = wrapOutput;
    }

    public string Root { get; }

    public string Content => Path.Combine(Root, "content");

    public string Partial => Path.Combine(Root, "partial");

    public string Manifest => Path.Combine(Root, "manifest.json");

    public string LockFile => Path.Combine(Root, "lock");

    /// <summary>$XDG_CACHE_HOME/warren, or ~/.cache/warren where that is unset or not absolute, as the XDG specification has it.</summary>
    /// <exception cref="ImageException">Neither says where.</exception>
    public static string DefaultRoot(Func<string, string?> environment)
    {
        if (environment("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache))
            return Path.Combine(cache, "warren");
        if (environment("HOME") is { Length: > 0 } home && Path.IsPathRooted(home))
            return Path.Combine(home, ".cache", "warren");
        throw new ImageException(ImageError.Configuration,
            "there is no place for the image cache: neither XDG_CACHE_HOME nor HOME names a directory; set one of them");
    }

    /// <summary>Makes the directories; those of the cache itself are the user's alone.</summary>
    /// <exception cref="ImageException">They cannot be made.</exception>
    public void Create()
    {
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        foreach (var directory in (string[])[Root, Content, Partial])
        {
            RefuseFile(directory);
            try
            {
                if (OperatingSystem.IsWindows())
                    Directory.CreateDirectory(directory);
                else if (!Directory.Exists(directory))
                    Directory.CreateDirectory(directory, Private);
            }
            catch (Exception e) when (CacheErrors.IsFileSystemError(e))
            {
                throw CacheErrors.Translate(e, directory);
            }
        }
    }

    /// <exception cref="ImageException">A file is where the directory should be.</exception>
    public static void RefuseFile(string directory)
    {
        if (File.Exists(directory))
        {
            throw new ImageException(ImageError.CacheUnwritable,
                $"{directory} is a file where the image cache needs a directory; move it away or point XDG_CACHE_HOME elsewhere");
        }
    }

    public string ContentFile(string name) => Path.Combine(Content, name);

    public string PartialFile(string sha256) => Path.Combine(Partial, sha256 + ".partial");

    /// <summary>
    /// Opens a file for writing at its end, exclusively: nobody else, a pruner in particular, takes it for an orphan meanwhile.
    /// </summary>
    /// <exception cref="ImageException">It cannot be made or written.</exception>
    public Stream OpenAppend(string path)
    {
        try
        {
            FileStream file = new(path, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
            return new CacheOutput(_wrapOutput(file), file, path);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw CacheErrors.Translate(e, path);
        }
    }

    /// <summary>A temporary file in the directory of <paramref name="destination"/>.</summary>
    public static string TemporaryFor(string destination) =>
        Path.Combine(Path.GetDirectoryName(destination)!, TemporaryPrefix + Guid.NewGuid().ToString("N"));

    /// <summary>Writes a small file whole or not at all.</summary>
    /// <exception cref="ImageException">It cannot be written.</exception>
    public void WriteAtomically(string destination, ReadOnlySpan<byte> content)
    {
        var temporary = TemporaryFor(destination);
        try
        {
            // Published while still open, so that no pruner finds it unlocked under its temporary name.
            using var output = OpenAppend(temporary);
            output.Write(content);
            output.Flush();
            Publish(temporary, destination);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Gives a complete temporary file its own name, over whatever had it.</summary>
    public static void Publish(string temporary, string destination)
    {
        try
        {
            File.Move(temporary, destination, overwrite: true);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw CacheErrors.Translate(e, destination);
        }
    }

    /// <summary>The files of a directory; none when it cannot be read.</summary>
    public static FileInfo[] FilesIn(string directory)
    {
        try
        {
            return new DirectoryInfo(directory).GetFiles();
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            return [];
        }
    }

    /// <summary>Deletes a file if it is there and can be deleted; the bytes it had.</summary>
    public static long TryDelete(string path)
    {
        try
        {
            FileInfo file = new(path);
            if (!file.Exists)
                return 0;
            var length = file.Length;
            file.Delete();
            return length;
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            return 0;
        }
    }

    /// <summary>The state of an entry's file, compared with what was recorded of it.</summary>
    public ImageStatus Check(ImageEntry entry, bool current)
    {
        var path = ContentFile(entry.File);
        var health = !File.Exists(path) ? ImageHealth.Missing : Matches(path, entry.Size, entry.Sha256) ? ImageHealth.Good
            : ImageHealth.Altered;
        return new ImageStatus(entry, path, current, health);
    }

    /// <summary>True when a file has this size and digest. A file that cannot be read does not.</summary>
    public static bool Matches(string path, long size, string sha256)
    {
        try
        {
            // Looked at before it is opened: a pipe in its place would be waited for.
            if (new FileInfo(path).Length != size)
                return false;
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return file.Length == size && Sha256Text.Of(file) == sha256;
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            return false;
        }
    }
}
