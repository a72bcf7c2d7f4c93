using System.Text;
using Warren.HostMemory;

namespace Warren.Cli.Terminal;

/// <summary>
/// A file the user wants written when the work is done. That it can be written is known before the work begins; what was there before stays
/// until the new content is complete.
/// </summary>
internal sealed class OutputFile : IDisposable
{
    private readonly string _path;
    private readonly string? _temporary;
    private bool _written;

    private OutputFile(string path, string? temporary)
    {
        _path = path;
        _temporary = temporary;
    }

    /// <summary>Null when <paramref name="path"/> is null.</summary>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="option">To which he gave it.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public static OutputFile? Open(string? path, string option)
    {
        if (path is null)
            return null;
        try
        {
            var full = Path.GetFullPath(path);
            if (Directory.Exists(full))
                throw new UserErrorException($"{option} {path} is a directory; name a file");
            // A pipe or a device, standard output among them, is written to as it is.
            if (File.Exists(full) && !FileImage.IsOrdinary(full))
                return new OutputFile(full, null);
            var target = File.Exists(full) ? File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full : full;
            if (File.Exists(target))
                File.OpenHandle(target, FileMode.Open, FileAccess.Write).Dispose();
            var temporary = $"{target}.{Environment.ProcessId}.tmp";
            File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write).Dispose();
            return new OutputFile(target, temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserErrorException(
                $"{option} {path} cannot be written ({e.Message.TrimEnd('.')}); name a file in a directory that exists and is yours");
        }
    }

    /// <exception cref="UserErrorException">The disk is full, or the like.</exception>
    public void Write(string content)
    {
        try
        {
            File.WriteAllText(_temporary ?? _path, content, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            if (_temporary is not null)
                File.Move(_temporary, _path, overwrite: true);
            _written = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"{_path} cannot be written any more ({e.Message.TrimEnd('.')}); the results above are all there is");
        }
    }

    public void Dispose()
    {
        if (!_written && _temporary is not null)
            File.Delete(_temporary);
    }
}
