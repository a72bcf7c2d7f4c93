using Warren.RiscV.Tests.FloatingPoint;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Every unprivileged instruction over corner operands: the hart against the manual, and our reading of it against QEMU.</summary>
public class CaseTests
{
    private static readonly Lazy<CaseProgram> Program = new(() => new CaseProgram(InstructionCase.All));

    [Fact]
    public void The_hart_does_what_the_manual_says() => Program.Value.Verify("the hart", TestMachine.RunProgram(Program.Value.Source));

    [SkippableFact]
    public void The_manual_says_what_qemu_does()
    {
        QemuUser.Require();
        Program.Value.Verify("qemu-riscv64", GuestProgram.RunUnderQemu(Program.Value.Source), IsQemuErratum);
    }

    [Fact]
    public void The_hart_computes_floating_point()
    {
        var program = new FloatProgram(seed: 3, rows: 200);
        program.Verify("the hart", TestMachine.RunProgram(program.Source));
    }

    /// <summary>QEMU before 8.0 counts CTZW's trailing zeros on into the upper word when the lower is zero.</summary>
    private static bool IsQemuErratum(string statement, ulong a)
        => (uint)a == 0 && statement.Contains("ctzw", StringComparison.Ordinal);
}
