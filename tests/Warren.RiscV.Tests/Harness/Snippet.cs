using System.Globalization;
using Warren.Asm;
using Warren.Hypervisor.Vcpus;

namespace Warren.RiscV.Tests.Harness;

/// <summary>
/// A few lines of S-mode code on a fresh machine, run to their end or to the first trap. Memory at the label <c>scratch</c> (two aligned
/// pages) is free; floating point is on.
/// </summary>
internal sealed class Snippet : IDisposable
{
    private const int Finished = 1;
    private const int Trapped = 2;

    private readonly AssemblyResult program;

    private Snippet(TestMachine machine, AssemblyResult program)
    {
        Machine = machine;
        this.program = program;
    }

    public TestMachine Machine { get; }

    public Hart Hart => Machine.Hart;

    /// <summary>True when a trap ended the snippet.</summary>
    public bool HasTrapped => Hart.GetX(17) == Trapped;

    public ulong Cause => Hart.ReadCsr(0x142);

    public ulong A0 => Hart.GetX(10);

    public static Snippet Run(string lines, Action<TestMachine>? prepare = null)
    {
        var source = $"""
                    .globl  _start
            _start: la      t0, trap
                    csrw    stvec, t0
                    li      t0, 0x2000
                    csrs    sstatus, t0
                    li      a7, 0
            start:
            {lines}
            finish: li      a7, {Finished}
                    ecall
            enter_user:
                    csrw    sepc, t0
                    li      t0, 0x100
                    csrc    sstatus, t0
                    sret
                    .balign 4
            trap:   li      a7, {Trapped}
                    ecall
                    .bss
                    .balign 4096
            scratch: .zero 8192
            tables: .zero 65536
            """;
        var program = GuestProgram.Assemble(source, OutputKind.Elf);
        var snippet = new Snippet(new TestMachine(), program);
        snippet.Machine.Load(program);
        prepare?.Invoke(snippet.Machine);
        snippet.Continue();
        return snippet;
    }

    /// <summary>Lines that go on at <paramref name="label"/> in U mode.</summary>
    public static string ToUser(string label) => $"la t0, {label}\n        j enter_user\n";

    public void Continue() => Assert.Equal(VcpuExitReason.EnvironmentCall, Machine.Run().Reason);

    public ulong Symbol(string name) => program.Symbols[name];

    /// <summary>The snippet must have run to its end.</summary>
    public Snippet ExpectFinish()
    {
        Assert.False(HasTrapped, $"trapped: scause {Cause:x}, sepc {Hart.ReadCsr(0x141):x}, stval {Hart.ReadCsr(0x143):x}");
        Assert.Equal((ulong)Finished, Hart.GetX(17));
        return this;
    }

    /// <summary>The snippet must have trapped at its label <c>fault</c>.</summary>
    /// <param name="cause">What scause holds.</param>
    /// <param name="value">What stval holds: a number or a label; null for anything.</param>
    public Snippet ExpectTrap(ExceptionCause cause, string? value = null)
    {
        Assert.True(HasTrapped, $"ran to its end instead of the trap {cause}");
        Assert.Equal($"{(ulong)cause} at {Symbol("fault"):x}", $"{Cause} at {Hart.ReadCsr(0x141):x}");
        if (value is not null)
        {
            var expected = value.StartsWith("0x", StringComparison.Ordinal)
                ? ulong.Parse(value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                : Symbol(value);
            Assert.Equal($"stval {expected:x}", $"stval {Hart.ReadCsr(0x143):x}");
        }

        return this;
    }

    public void Dispose() => Machine.Dispose();
}
