using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Every unprivileged instruction over corner operands: our hart against the manual's meaning, and the meaning against QEMU.</summary>
public class CaseTests
{
    private static readonly Lazy<CaseProgram> Program = new(() => new CaseProgram(InstructionCase.All));

    [SkippableFact]
    public void The_expectations_are_those_of_qemu()
    {
        QemuUser.Require();
        Program.Value.Verify("qemu-riscv64", GuestProgram.RunUnderQemu(Program.Value.Source), IsQemuErratum);
    }

    /// <summary>QEMU before 8.0 counts CTZW's trailing zeros on into the upper word when the lower is zero.</summary>
    private static bool IsQemuErratum(string statement, ulong a)
        => (uint)a == 0 && statement.Contains("ctzw", StringComparison.Ordinal);
}
