using System.Globalization;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Differential;

/// <summary>
/// Random programs on our hart and under QEMU. A failure names its seed; replay that program alone with
/// <c>WARREN_DIFFERENTIAL_SEED=seed WARREN_DIFFERENTIAL_PROGRAMS=1</c>.
/// </summary>
public class DifferentialTests
{
    private const int Items = 60;

    private static readonly int FirstSeed = Setting("WARREN_DIFFERENTIAL_SEED", 1);
    private static readonly int Programs = Setting("WARREN_DIFFERENTIAL_PROGRAMS", 120);

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Random_programs_leave_what_qemu_leaves(bool compress)
    {
        QemuUser.Require();
        var batch = new RandomBatch(FirstSeed, Programs, Items);
        string source = batch.Source();
        batch.Compare("the hart", TestMachine.RunProgram(source, compress), "qemu-riscv64", GuestProgram.RunUnderQemu(source, compress));
    }

    private static int Setting(string name, int otherwise)
        => Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
