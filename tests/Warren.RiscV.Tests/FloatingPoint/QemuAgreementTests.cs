using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>Results and flags against QEMU's independent implementation.</summary>
public class QemuAgreementTests
{
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_instruction_agrees_with_qemu(int seed)
    {
        QemuUser.Require();
        var program = new FloatProgram(seed, rows: 300);
        program.Verify("qemu-riscv64", GuestProgram.RunUnderQemu(program.Source));
    }
}
