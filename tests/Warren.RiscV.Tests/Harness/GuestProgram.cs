using Warren.Asm;

namespace Warren.RiscV.Tests.Harness;

/// <summary>
/// The common frame of test programs: one source that is both a static Linux executable for QEMU and a bare image for our hart.
/// It sees the same addresses in both, and delivers its output through one Linux <c>write</c>, at which our hart stops.
/// </summary>
internal static class GuestProgram
{
    /// <summary>Where every test program is linked: inside the RAM of our test machine, and free in a QEMU user process.</summary>
    public const ulong Base = 0x8020_0000;

    /// <summary>Linux's system call number of <c>write</c>, by which the harness knows the program's end.</summary>
    public const ulong WriteCall = 64;

    /// <summary>Ends a program: writes <c>length</c> bytes from the label <c>output</c>, then exits with status 0.</summary>
    public static string Epilogue(long length) => $"""
                la      s1, output
                li      s2, {length}
        9:      li      a7, {WriteCall}
                li      a0, 1
                mv      a1, s1
                mv      a2, s2
                ecall
                blez    a0, 8f
                add     s1, s1, a0
                sub     s2, s2, a0
                bnez    s2, 9b
        8:      li      a7, 93
                seqz    a0, s2
                xori    a0, a0, 1
                ecall

        """;

    public static AssemblyResult Assemble(string source, OutputKind output, bool compress = false)
        => Assembler.Assemble(source, new AssemblerOptions { Output = output, Base = Base, Compress = compress });

    /// <summary>The output of the program when QEMU runs it.</summary>
    public static byte[] RunUnderQemu(string source, bool compress = false)
        => QemuUser.Run(Assemble(source, OutputKind.Elf, compress).Bytes);
}
