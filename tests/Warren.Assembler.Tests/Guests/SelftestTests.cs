using System.ComponentModel;
using System.Diagnostics;

namespace Warren.Asm.Tests.Guests;

/// <summary>The bare-metal self test on another machine than ours: QEMU's <c>virt</c> board under OpenSBI.</summary>
public class SelftestTests
{
    [SkippableTheory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(5, false)]
    [InlineData(2, true)]
    public void Passes_under_qemu(int harts, bool elsewhere)
    {
        var directory = Directory.CreateTempSubdirectory("warren-selftest-").FullName;
        try
        {
            // The flat form, linked at 0 and loaded at 0x80200000, shows that it is position independent.
            var path = Path.Combine(directory, "selftest");
            var options = elsewhere ? new AssemblerOptions() : new AssemblerOptions { Output = OutputKind.Elf, Base = 0x80200000 };
            File.WriteAllBytes(path, Assembler.AssembleFiles([Path.Combine(Repository.Guest, "selftest", "selftest.s")], options).Bytes);
            var lines = Boot(path, harts);
            var report = string.Join('\n', lines);
            Assert.DoesNotContain("FAIL", report, StringComparison.Ordinal);
            Assert.Matches($"(?m)^warren selftest: boot hart \\d+, harts {harts}, isa rv64", report);
            Assert.Matches("^selftest: \\d{2,3} passed, 0 failed, \\d+ skipped$", lines[^1]);
            Assert.Equal(lines.Count(l => l.StartsWith("ok   ", StringComparison.Ordinal))
                .ToString(System.Globalization.CultureInfo.InvariantCulture), lines[^1].Split(' ')[1]);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string[] Boot(string kernel, int harts)
    {
        try
        {
            using var qemu = Process.Start(new ProcessStartInfo("qemu-system-riscv64",
                ["-machine", "virt", "-m", "128", "-smp", $"{harts}", "-nographic", "-monitor", "none", "-serial", "stdio", "-bios",
                    "default", "-kernel", kernel])
            { RedirectStandardInput = true, RedirectStandardOutput = true })!;
            var output = qemu.StandardOutput.ReadToEndAsync();
            if (!qemu.WaitForExit(60_000))
            {
                qemu.Kill();
                Assert.Fail($"QEMU did not power off; so far:\n{output.Result}");
            }
            return output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
        catch (Win32Exception)
        {
            throw new SkipException("qemu-system-riscv64 is not installed");
        }
    }
}
