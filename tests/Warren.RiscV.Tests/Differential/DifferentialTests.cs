using System.Globalization;
using Warren.Hypervisor.Paging;
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
    private static readonly int Programs = Setting("WARREN_DIFFERENTIAL_PROGRAMS", 80);

    [SkippableTheory]
    [InlineData(false, 0, "tdp")]
    [InlineData(true, 0, "tdp")]
    [InlineData(true, 8, "tdp")]
    [InlineData(false, 9, "tdp")]
    [InlineData(true, 10, "tdp")]
    [InlineData(true, 0, "shadow")]
    [InlineData(false, 8, "shadow")]
    [InlineData(true, 10, "shadow")]
    public void Random_programs_leave_what_qemu_leaves(bool compress, int satpMode, string mmu)
    {
        QemuUser.Require();
        TestMachine.DefaultMmu.Value = MmuKind.Find(mmu);
        var batch = new RandomBatch(FirstSeed, Programs, Items);
        var source = batch.Source();
        var ours = TestMachine.RunProgram(source, compress, satpMode);
        batch.Compare("the hart", ours, "qemu-riscv64", GuestProgram.RunUnderQemu(source, compress));
    }

    private static int Setting(string name, int otherwise)
        => Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
