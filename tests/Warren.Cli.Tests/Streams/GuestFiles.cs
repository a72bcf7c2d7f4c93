using Warren.Asm;
using Warren.Images;
using Warren.Images.Guests;

namespace Warren.Cli.Tests.Streams;

/// <summary>
/// Guests as files: bare programs of our own, and Debian's kernel with a ramdisk, which the command takes for a user's own system.
/// </summary>
public sealed class GuestFiles : IAsyncLifetime
{
    /// <summary>The last words of <see cref="Talker"/>.</summary>
    public const string LastWords = "end-of-output";

    /// <summary>Prints 40,000 lines, more than all buffers on the way hold, and powers off.</summary>
    private const string TalkerSource = """
                li      s0, 0x10000000
                li      s1, 40000
        1:      la      s2, line
                call    print
                addi    s1, s1, -1
                bnez    s1, 1b
                la      s2, last
                call    print
                li      a7, 0x53525354          # SRST: shut down
                li      a6, 0
                li      a0, 0
                li      a1, 0
                ecall
        print:  lbu     t0, 0(s2)
                beqz    t0, 3f
        2:      lbu     t1, 5(s0)
                andi    t1, t1, 0x20            # transmitter empty
                beqz    t1, 2b
                sb      t0, 0(s0)
                addi    s2, s2, 1
                j       print
        3:      ret
        line:   .asciz  "line\n"
        last:   .asciz  "end-of-output\n"
        end:

        """;

    /// <summary>Prints what it receives, in brackets, until that is a q.</summary>
    private const string ListenerSource = """
                li      s0, 0x10000000
        1:      lbu     t1, 5(s0)
                andi    t1, t1, 1               # data ready
                beqz    t1, 1b
                lbu     s1, 0(s0)
                li      t0, '['
                sb      t0, 0(s0)
                sb      s1, 0(s0)
                li      t0, ']'
                sb      t0, 0(s0)
                li      t0, 'q'
                bne     s1, t0, 1b
                li      a7, 0x53525354
                li      a6, 0
                li      a0, 0
                li      a1, 0
                ecall

        """;

    /// <summary>The boot header of a flat image (Documentation/arch/riscv/boot-image-header.rst), which not only Linux has.</summary>
    private const string FlatHeader = """
        _start: j       begin
                .balign 8
                .dword  0x200000, end - _start, 0
                .word   2, 0
                .dword  0
                .ascii  "RISCV\0\0\0RSC\5"
                .word   0
        begin:

        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("warren-streams-");
    private string? _missing;
    private string _linux = "";
    private string _initrd = "";

    public string Talker => Path.Combine(_directory.FullName, "talker.elf");

    public string Listener => Path.Combine(_directory.FullName, "listener.elf");

    public string FlatTalker => Path.Combine(_directory.FullName, "talker.bin");

    /// <summary>Skips the test when the command could not have Linux either.</summary>
    public void RequireLinux() => Present(_linux);

    /// <summary>Debian's kernel; skips the test when there is no mirror to have it from.</summary>
    public string Linux => Present(_linux);

    /// <summary>A ramdisk with busybox and an init that is Warren's only by chance.</summary>
    public string Initrd => Present(_initrd);

    public async Task InitializeAsync()
    {
        File.WriteAllBytes(Talker, Assemble("_start:\n" + TalkerSource, OutputKind.Elf));
        File.WriteAllBytes(Listener, Assemble("_start:\n" + ListenerSource, OutputKind.Elf));
        File.WriteAllBytes(FlatTalker, Assemble(FlatHeader + TalkerSource, OutputKind.Flat));
        try
        {
            var store = new ImageStore(new ImageStoreOptions());
            var guest = await store.GetGuestAsync();
            (_linux, _initrd) = (guest.Kernel, store.GetInitramfs(guest, EmbeddedGuests.Init.ToArray()));
        }
        catch (ImageException e) when (e.Error is ImageError.Network or ImageError.Configuration)
        {
            _missing = e.Message;
        }
    }

    public Task DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return Task.CompletedTask;
    }

    private string Present(string path)
    {
        Skip.If(_missing is not null, _missing);
        return path;
    }

    private static byte[] Assemble(string source, OutputKind kind) =>
        Assembler.Assemble($".text\n.global _start\n{source}",
            new AssemblerOptions { Output = kind, Base = 0x8020_0000, Entry = "_start" }).Bytes.ToArray();
}
