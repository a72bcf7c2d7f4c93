using System.Diagnostics;

namespace Warren.Images.Tests;

/// <summary>Programs of the host that tests compare with; a test that needs an absent one is skipped.</summary>
internal static class Tool
{
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(d => Path.Combine(d, name))
        .FirstOrDefault(File.Exists);

    public static void Require(string name) => Skip.If(Find(name) == null, $"{name} is not installed");

    /// <summary>Runs a program to its end; its output, which is binary. Fails the test when the program fails.</summary>
    public static byte[] Run(string name, byte[]? input, params string[] arguments)
    {
        (var exit, var output, var error) = TryRun(name, input, arguments);
        Assert.True(exit == 0, $"{name} {string.Join(' ', arguments)}: {error}");
        return output;
    }

    public static (int Exit, byte[] Output, string Error) TryRun(string name, byte[]? input, params string[] arguments)
    {
        ProcessStartInfo start = new(Find(name) ?? name, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        using MemoryStream output = new();
        var copy = process.StandardOutput.BaseStream.CopyToAsync(output);
        if (input != null)
            process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        copy.GetAwaiter().GetResult();
        var errorText = error.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, output.ToArray(), errorText);
    }
}
