using System.Text;

namespace Warren.Cli.Terminal;

/// <summary>A text that the user names by its path. Pipes are read to their end; what has none is not.</summary>
internal static class SmallTextFile
{
    /// <summary>In bytes.</summary>
    private const int Greatest = 16 << 20;

    /// <param name="path">As the user wrote it.</param>
    /// <param name="what">"the diff".</param>
    /// <exception cref="UserErrorException">It cannot be read, or is longer than any text that a person made.</exception>
    public static string Read(string path, string what)
    {
        if (path.Length == 0)
            throw new UserErrorException($"The name of {what} is empty; name the file with {what}");
        if (Directory.Exists(path))
            throw new UserErrorException($"{path} is a directory; name the file with {what}");
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var content = new MemoryStream();
            var buffer = new byte[64 << 10];
            int count;
            while ((count = stream.Read(buffer)) > 0)
            {
                content.Write(buffer, 0, count);
                if (content.Length > Greatest)
                    throw new UserErrorException($"{path} has more than {Greatest >> 20} MiB; name the file with {what}");
            }

            return Encoding.UTF8.GetString(content.GetBuffer(), 0, (int)content.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserErrorException($"{path} cannot be read ({e.Message.TrimEnd('.')}); name the file with {what}");
        }
    }
}
