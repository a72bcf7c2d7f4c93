using System.Diagnostics;

namespace Warren.Cli.Tests;

/// <summary>The <c>warren</c> command as a user runs it, in a process of its own.</summary>
internal static class WarrenProcess
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Warren.Cli.dll");

    /// <param name="arguments">Words, as after a shell's quoting.</param>
    public static ProcessStartInfo Start(params string[] arguments) => new("dotnet", [Program, .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
    };

    public static (int Status, string Output, string Error) Run(params string[] arguments) => Finish(Start(arguments));

    public static (int Status, string Output, string Error) Finish(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
