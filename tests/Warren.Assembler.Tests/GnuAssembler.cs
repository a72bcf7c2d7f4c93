using System.ComponentModel;
using System.Diagnostics;

namespace Warren.Asm.Tests;

/// <summary>The peer: <c>riscv64-linux-gnu-as</c>, where it is installed.</summary>
internal static class GnuAssembler
{
    private const string March = "rv64imafdch_zicsr_zifencei_zba_zbb_zbc_zbs_zicbom_zicboz_zicbop_svinval_zawrs_zihintpause";

    public static bool IsInstalled { get; } = Try("riscv64-linux-gnu-as", "--version") && Try("riscv64-linux-gnu-ld", "--version");

    /// <summary>The bytes of .text (and what follows it) when GNU as and ld place it at <paramref name="address"/>.</summary>
    public static byte[] Assemble(string source, ulong address, string options = ".option norvc\n")
    {
        var directory = Directory.CreateTempSubdirectory("warren-asm-").FullName;
        try
        {
            var path = Path.Combine(directory, "t");
            File.WriteAllText(path + ".s", ".option norelax\n" + options + ".globl _start\n_start:\n" + source + "\n");
            Run("riscv64-linux-gnu-as", "-march=" + March, "-o", path + ".o", path + ".s");
            Run("riscv64-linux-gnu-ld", "--no-relax", $"-Ttext=0x{address:x}", "-o", path + ".elf", path + ".o");
            Run("riscv64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", path + ".elf", path + ".bin");
            return File.ReadAllBytes(path + ".bin");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    public static string Run(string program, params string[] arguments)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: {errors.Result}");
    }

    private static bool Try(string program, string argument)
    {
        try
        {
            Run(program, argument);
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
