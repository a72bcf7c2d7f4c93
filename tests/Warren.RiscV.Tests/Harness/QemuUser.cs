using System.Diagnostics;

namespace Warren.RiscV.Tests.Harness;

/// <summary>QEMU's user-mode emulator as a second opinion, where it is installed.</summary>
internal static class QemuUser
{
    private static readonly string? Executable = (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .Select(directory => Path.Combine(directory, "qemu-riscv64"))
        .FirstOrDefault(File.Exists);

    /// <summary>Skips the calling test, visibly, where there is no QEMU.</summary>
    public static void Require() => Skip.If(Executable is null, "qemu-riscv64 is not installed (Debian: apt install qemu-user)");

    /// <summary>Runs a static executable to its end and returns what it wrote to standard output.</summary>
    public static byte[] Run(ReadOnlySpan<byte> executable)
    {
        var file = Path.Combine(Path.GetTempPath(), $"warren-{Guid.NewGuid():N}.elf");
        try
        {
            File.WriteAllBytes(file, executable);

            // QEMU refuses, without a word, a file that may not be executed.
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);

            var start = new ProcessStartInfo(Executable!, ["-cpu", "rv64,zba=true,zbb=true,zbs=true", file])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            using var output = new MemoryStream();
            var copy = process.StandardOutput.BaseStream.CopyToAsync(output);
            if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
            {
                process.Kill();
                Assert.Fail("the program did not end under qemu-riscv64 within a minute");
            }

            copy.GetAwaiter().GetResult();
            Assert.True(process.ExitCode == 0, $"qemu-riscv64 ended with status {process.ExitCode}: {errors.GetAwaiter().GetResult()}");
            return output.ToArray();
        }
        finally
        {
            File.Delete(file);
        }
    }
}
