using System.Diagnostics;

namespace Warren.Cli.Tests.Streams;

/// <summary>Runs the command under a shell that has its standard streams as a test wants them, and keeps what came out.</summary>
internal sealed class Redirection : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Warren.Cli.dll");

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("warren-stream-");

    /// <summary>Makes a file of the directory in which the script runs.</summary>
    public void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory.FullName, name), text);

    /// <summary>A file of that directory, whole; empty when it was never written.</summary>
    public string Read(string name)
    {
        var path = Path.Combine(_directory.FullName, name);
        return File.Exists(path) ? File.ReadAllText(path) : "";
    }

    /// <summary>
    /// Runs a script in which <c>W</c> is the command with <paramref name="arguments"/>. Its status is the script's; a command that has not
    /// ended after five minutes has failed the test.
    /// </summary>
    public async Task<int> RunAsync(string script, IEnumerable<string> arguments)
    {
        // The shell has nothing open that could keep a pipe or terminal alive.
        var start = new ProcessStartInfo("bash", ["-c", $"program=$0; W() {{ exec dotnet \"$program\" \"${{words[@]}}\"; }}; "
            + $"words=(\"$@\"); {script}", Program, .. arguments])
        {
            WorkingDirectory = _directory.FullName,
        };
        using var process = Process.Start(start)!;
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(5));
            return process.ExitCode;
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
