using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Warren.Asm;
using Warren.Cli.Terminal;

namespace Warren.Cli.Tests;

/// <summary>Kernels of one's own, good and bad, as <c>warren run</c> takes them.</summary>
public sealed class OwnKernelTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("warren-own-kernel-");

    public void Dispose() => _directory.Delete(recursive: true);

    private string Name(string file) => Path.Combine(_directory.FullName, file);

    private string Save(string file, ReadOnlySpan<byte> content)
    {
        File.WriteAllBytes(Name(file), content);
        return Name(file);
    }

    private string Bare(string source) => Save("bare.elf", Assembler.Assemble(
        $"        .text\n        .global _start\n_start:\n{source}\n",
        new AssemblerOptions { Output = OutputKind.Elf, Base = 0x8000_0000, Entry = "_start" }).Bytes);

    private string Pipe()
    {
        using var mkfifo = Process.Start("mkfifo", [Name("pipe")]);
        mkfifo.WaitForExit();
        return Name("pipe");
    }

    /// <summary>Standard input stays open, so that its end ends nothing.</summary>
    private static async Task<(int Status, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(WarrenProcess.Start(["run", .. arguments]))!;
        return await FinishAsync(process);
    }

    private static async Task<(int Status, string Output, string Error)> FinishAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw;
        }
        return (process.ExitCode, await output, await error);
    }

    private static void AssertSentence(int expected, string word, (int Status, string Output, string Error) ended)
    {
        Assert.StartsWith("warren: ", ended.Error, StringComparison.Ordinal);
        Assert.Contains(word, ended.Error, StringComparison.Ordinal);
        Assert.Single(ended.Error.TrimEnd().Split('\n'));
        Assert.Equal((expected, ""), (ended.Status, ended.Output));
    }

    [Fact]
    public async Task A_pipe_is_refused_unopened()
    {
        var pipe = Pipe();
        AssertSentence(125, "pipe", await RunAsync("--kernel", pipe));
        AssertSentence(125, "pipe", await RunAsync("--kernel", Bare("        ebreak"), "--initrd", pipe));
    }

    /// <summary>A file so large that it is read for longer than anyone waits: one Ctrl-C ends that.</summary>
    [Fact]
    public async Task Ctrl_C_works_while_a_kernel_is_read()
    {
        var huge = Save("huge.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]);
        using (var file = File.OpenHandle(huge, FileMode.Open, FileAccess.Write))
            RandomAccess.SetLength(file, 4L << 40);
        using var process = Process.Start(WarrenProcess.Start("run", "--kernel", huge))!;
        var started = Stopwatch.StartNew();
        while (!HasOpen(process, huge))
        {
            Assert.True(started.Elapsed < Patience && !process.HasExited, "the kernel was never opened");
            await Task.Delay(20);
        }
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
            await kill.WaitForExitAsync();
        AssertSentence(130, "interrupted", await FinishAsync(process));
    }

    private static bool HasOpen(Process process, string path)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{process.Id}/fd")
                .Any(fd => File.ResolveLinkTarget(fd, returnFinalTarget: false)?.FullName == path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process, or the descriptor, went meanwhile.
            return false;
        }
    }

    [Fact]
    public async Task A_program_for_machine_mode_is_told()
    {
        var ended = await RunAsync("--kernel", Bare("        csrr    a0, mhartid"), "--timeout", "60s");
        AssertSentence(121, "'csrr mhartid' at 0x80000000", ended);
        Assert.Contains("build it for S-mode", ended.Error, StringComparison.Ordinal);
    }

    /// <summary>The guest prints its device tree, whose only text of the user's is the command line.</summary>
    private const string TreePrinter = """
                li      t0, 0x10000000
                lbu     t1, 7(a1)
                lbu     t2, 6(a1)
                slli    t2, t2, 8
                or      t1, t1, t2
                add     t1, t1, a1
        1:      lbu     t2, 0(a1)
                sb      t2, 0(t0)
                addi    a1, a1, 1
                bltu    a1, t1, 1b
                li      a7, 8
                ecall
        """;

    [Fact]
    public async Task The_command_line_can_be_given_exactly()
    {
        const string line = "foo bär=\"a b\"";
        var kernel = Bare(TreePrinter);
        var (status, output, error) = await RunAsync("--kernel", kernel, "--cmdline", line, "--timeout", "60s");
        Assert.Equal((0, ""), (status, error));
        var at = output.IndexOf($"{line}\0", StringComparison.Ordinal);
        Assert.True(at > 8, "the command line did not arrive");
        // A property's value stands behind its length and the offset of its name, of 32 bits each.
        Assert.Equal($"\0\0\0{(char)(Encoding.UTF8.GetByteCount(line) + 1)}", output[(at - 8)..(at - 4)]);
        Assert.DoesNotContain("console=", output, StringComparison.Ordinal);
        Assert.DoesNotContain("warren.mode", output, StringComparison.Ordinal);

        (_, output, _) = await RunAsync("--kernel", kernel, "--append", "foo bar", "--timeout", "60s");
        Assert.Contains(" foo bar\0", output, StringComparison.Ordinal);
        Assert.Contains("console=ttyS0 ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_has_its_limit_in_bytes()
    {
        var image = new byte[4096];
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(8), 0x20_0000);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(16), 4096);
        "RSC\u0005"u8.CopyTo(image.AsSpan(56));
        var kernel = Save("Image", image);
        AssertSentence(125, "1202 bytes", await RunAsync("--kernel", kernel, "--initrd", kernel, "--cmdline", "x=" + new string('é', 600)));
        AssertSentence(125, "1023", await RunAsync("--kernel", kernel, "--initrd", kernel, "--append", "x=" + new string('é', 600)));
    }

    [Fact]
    public void A_result_goes_where_a_link_points_and_only_when_it_is_complete()
    {
        var target = Save("target", "old"u8);
        File.CreateSymbolicLink(Name("link"), target);
        using (OutputFile.Open(Name("link"), "--html"))
        {
            // The work fails.
        }
        Assert.Equal("old", File.ReadAllText(target));
        using (var file = OutputFile.Open(Name("link"), "--html")!)
        {
            Assert.Equal("old", File.ReadAllText(target));
            file.Write("new");
        }
        Assert.Equal("new", File.ReadAllText(target));
        Assert.Equal(target, File.ResolveLinkTarget(Name("link"), returnFinalTarget: false)!.FullName);
        Assert.Equal(2, Directory.GetFileSystemEntries(_directory.FullName).Length);
    }

    [Fact]
    public async Task A_result_may_be_written_to_a_pipe()
    {
        var pipe = Pipe();
        var reader = Task.Run(() => File.ReadAllText(pipe, Encoding.UTF8));
        await Task.Run(() =>
        {
            using var file = OutputFile.Open(pipe, "--html")!;
            file.Write("written");
        }).WaitAsync(Patience);
        Assert.Equal("written", await reader.WaitAsync(Patience));
        Assert.Equal([pipe], Directory.GetFileSystemEntries(_directory.FullName));
        Assert.False(HostMemory.FileImage.IsOrdinary(pipe));
    }
}
