using System.Security.Cryptography;
using System.Text;
using Warren.Lab.Fuzz;

namespace Warren.Cli.Commands;

/// <summary>A directory of programs, a file for each, named after the hash of its text.</summary>
internal sealed class ProgramDirectory
{
    private const string Extension = ".program";

    /// <summary>No program is longer.</summary>
    private const long Greatest = 64 << 10;

    private readonly string _path;

    private ProgramDirectory(string path, IReadOnlyList<string> programs) => (_path, Programs) = (path, programs);

    public IReadOnlyList<string> Programs { get; }

    /// <summary>Makes the directory where it is missing, and reads what is in it.</summary>
    /// <exception cref="UserErrorException">It cannot be made or read, or a file in it is no program.</exception>
    public static ProgramDirectory Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            return new(path, [.. Directory.GetFiles(path, "*" + Extension).Order(StringComparer.Ordinal).Select(Read)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserErrorException(
                $"--corpus {path} cannot be used ({e.Message.TrimEnd('.')}); name a directory that can be written");
        }
    }

    /// <exception cref="UserErrorException">The directory cannot be written.</exception>
    public void Keep(IEnumerable<string> programs)
    {
        try
        {
            foreach (var program in programs)
            {
                var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(program)))[..16] + Extension;
                var path = Path.Combine(_path, name);
                if (!File.Exists(path))
                    File.WriteAllText(path, program + "\n");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"--corpus {_path} cannot be written ({e.Message.TrimEnd('.')}); name a directory that can");
        }
    }

    private static string Read(string file)
    {
        if (new FileInfo(file).Length > Greatest)
            throw new UserErrorException($"{file} is longer than any program; remove it from the corpus");
        var text = File.ReadAllText(file);
        try
        {
            return FuzzProgram.Parse(text).ToString();
        }
        catch (FormatException e)
        {
            throw new UserErrorException($"{file} is no program: {e.Message}; remove it from the corpus");
        }
    }
}
