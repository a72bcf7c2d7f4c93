using System.Diagnostics;
using Warren.Asm;

namespace Warren.Cli.Tests;

/// <summary>
/// The ends of <c>warren run</c> that a real Linux comes to only by chance: interrupts before and after the agent is there, a reader that
/// never reads, a terminal that is reprogrammed. The guest passes for Linux and speaks the agent's protocol as far as each test needs it.
/// </summary>
public sealed class FakeLinuxTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private const string Frame = """
        # s0: the console, s1: the agent's line. a0: a frame, ended by the byte 0xee
        frame:  lbu     t0, 0(a0)
                li      t1, 0xee
                beq     t0, t1, 2f
        1:      lbu     t1, 5(s1)
                andi    t1, t1, 0x20            # transmitter empty
                beqz    t1, 1b
                sb      t0, 0(s1)
                addi    a0, a0, 1
                j       frame
        2:      ret
        # a0: waits for this byte on the line
        await:  lbu     t1, 5(s1)
                andi    t1, t1, 1               # data ready
                beqz    t1, await
                lbu     t0, 0(s1)
                bne     t0, a0, await
                ret
        ready:  .byte   'R', 0, 0, 0, 0xee
        up:     .byte   'O', 3, 0, 0, 'u', 'p', 10, 0xee
        seven:  .byte   'Q', 8, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xee

        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("warren-fake-linux-");

    public void Dispose() => _directory.Delete(recursive: true);

    private string[] Guest(string source)
    {
        var image = Assembler.Assemble($"""
                    .text
                    .global _start
            _start: j       begin
                    .balign 8
                    .dword  0x200000, end - _start, 0
                    .word   2, 0
                    .dword  0
                    .ascii  "RISCV\0\0\0RSC\5"
                    .word   0
                    .asciz  "Linux version 0"
                    .balign 4
            begin:  li      s0, 0x10000000
                    li      s1, 0x10001000
            {source}
            {Frame}
            end:

            """, new AssemblerOptions { Output = OutputKind.Flat, Base = 0x8020_0000, Entry = "_start" }).Bytes;
        var kernel = Path.Combine(_directory.FullName, "Image");
        File.WriteAllBytes(kernel, image);
        return ["run", "--kernel", kernel, "--initrd", kernel];
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        await kill.WaitForExitAsync();
    }

    private static async Task<(int Status, string More, string Error)> EndAsync(Process process, Task<string> error)
    {
        var rest = process.StandardOutput.ReadToEndAsync();
        Assert.True(await ExitsAsync(process));
        return (process.ExitCode, await rest, await error);
    }

    private static async Task<bool> ExitsAsync(Process process)
    {
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
            return true;
        }
        catch (TimeoutException)
        {
            process.Kill();
            return false;
        }
    }

    /// <summary>Once the command runs, what is said to the host is said to it: here it ends by itself, with a status.</summary>
    [Fact]
    public async Task Ctrl_C_is_the_commands_as_soon_as_it_runs()
    {
        using var process = Process.Start(WarrenProcess.Start([.. Guest("""
                    la      a0, ready
                    call    frame
                    li      a0, 'G'
                    call    await
                    la      a0, up
                    call    frame
                    li      a0, 'S'
                    call    await
                    la      a0, seven
                    call    frame
            1:      wfi
                    j       1b
            """), "--", "true"]))!;
        var error = process.StandardError.ReadToEndAsync();
        Assert.Equal("up", await process.StandardOutput.ReadLineAsync().WaitAsync(Patience));
        await SignalAsync(process, "INT");
        Assert.Equal((7, "", ""), await EndAsync(process, error));
    }

    /// <summary>A guest that has no agent yet, or never will, cannot be told: it ends. So does one that has no command.</summary>
    [Theory]
    [InlineData("INT", true)]
    [InlineData("TERM", true)]
    [InlineData("INT", false)]
    [InlineData("TERM", false)]
    public async Task An_interrupt_that_nobody_in_the_guest_can_take_ends_it(string signal, bool command)
    {
        using var process = Process.Start(WarrenProcess.Start([.. Guest("""
                    li      t0, 'u'
                    sb      t0, 0(s0)
                    li      t0, 10
                    sb      t0, 0(s0)
            1:      j       1b
            """), .. command ? ["--verbose", "--", "true"] : Array.Empty<string>()]))!;
        Assert.Equal("u", await (command ? process.StandardError : process.StandardOutput).ReadLineAsync().WaitAsync(Patience));
        await SignalAsync(process, signal);
        Assert.Equal((130, "", "warren: Interrupted.\n"), await EndAsync(process, process.StandardError.ReadToEndAsync()));
    }

    /// <summary>Output that nobody takes does not keep a guest whose time is over.</summary>
    [Fact]
    public async Task A_timeout_does_not_wait_for_a_reader()
    {
        using var process = Process.Start(WarrenProcess.Start([.. Guest("""
                    la      a0, ready
                    call    frame
            1:      la      a0, up
                    call    frame
                    j       1b
            """), "--timeout", "5s", "--", "true"]))!;
        var error = process.StandardError.ReadToEndAsync();
        Assert.True(await ExitsAsync(process));
        Assert.Equal((124, "warren: The guest was ended after 5 s, as --timeout says.\n"), (process.ExitCode, await error));
    }

    /// <summary>Text that a guest prints is the terminal's business; our words about it must not reprogram that.</summary>
    [Fact]
    public void What_the_console_said_is_told_without_its_control_characters()
    {
        var (status, output, error) = WarrenProcess.Run(Guest("""
                    la      t0, text
            1:      lbu     t1, 0(t0)
                    beqz    t1, 2f
                    sb      t1, 0(s0)
                    addi    t0, t0, 1
                    j       1b
            2:      wfi
                    j       2b
            text:   .byte   'a', 27, '[', '2', 'J', 'b', 0
                    .balign 4
            """));
        Assert.Equal((121, "a\u001b[2Jb"), (status, output));
        Assert.Contains("console: a [2Jb.", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', error);
    }
}
