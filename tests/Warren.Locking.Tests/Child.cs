using System.Diagnostics;

namespace Warren.Locking.Tests;

internal static class Child
{
    /// <summary>Runs this assembly's entry point in a process of its own and returns what it printed.</summary>
    internal static string Run(IReadOnlyDictionary<string, string>? environment, params string[] args)
    {
        var start =
            new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path
                : "dotnet")
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
        start.ArgumentList.Add(typeof(Child).Assembly.Location);
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"child failed: {error.Result}{output}");
        return output;
    }
}
