using Warren.Asm;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Execution;

/// <summary>
/// Whatever other harts and the host take away while a hart translates, a kick gets it out. The worst order is forced, not hoped for: each
/// flush that reaches hart 0 in the middle of a translation has hart 1, on the same thread, undo what was just done.
/// </summary>
public abstract class StarvationTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const int KickAt = 200;
    private const int GiveUpAt = 20_000;
    private const ulong FileMemory = 0x1_0000_0000;
    private const ulong MiddleOfStore = FileMemory + 4096;

    [Theory]
    [InlineData("0")]
    [InlineData("4094")]
    public void Code_that_another_hart_writes_beside_for_ever_goes_on_and_can_be_kicked(string offset)
    {
        using var machine = new TestMachine(harts: 2);
        var program = Start(machine, $"""
            other:  sd      x0, 1024(a1)
                    sd      x0, 1024(a2)
                    ecall
                    j       other
                    .balign 4096
            first:  .zero   {offset}
            work:   .half   0x0413, 0x0014
                    .half   0xbff5
            """);
        // Two blocks at most, ADDI s0, s0, 1 and C.J back to it; at 4094 the ADDI lies across the pages.
        machine.Harts[1].SetX(11, program.Symbols["first"]);
        machine.Harts[1].SetX(12, program.Symbols["first"] + 4096);
        var flushes = 0;
        machine.Flushed = hart =>
        {
            if (hart == 0 && ++flushes < GiveUpAt)
            {
                Assert.Equal(VcpuExitReason.EnvironmentCall, machine.RunFor(1000, hart: 1).Reason);
                if (flushes == KickAt)
                    machine.Kick(0);
            }
        };
        machine.RunFor(1000, hart: 1);
        Assert.Equal(VcpuExitReason.Interrupted, machine.RunOnce(1_000_000).Reason);
        Assert.InRange(flushes, KickAt, KickAt + 10);
        Assert.InRange(machine.Hart.GetX(8), (ulong)KickAt / 4, ulong.MaxValue);
        Assert.InRange(machine.Hart.InstructionsRetired, 2 * machine.Hart.GetX(8), (2 * machine.Hart.GetX(8)) + 10);
    }

    /// <summary>Each page is shared again while the other is being copied, so that the two are never held at once.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_store_across_pages_that_come_and_go_can_be_kicked_and_spends_its_budget(bool kick)
    {
        var path = Path.Combine(Path.GetTempPath(), $"warren-{Guid.NewGuid():N}");
        File.WriteAllBytes(path, new byte[8192]);
        try
        {
            using var file = FileImage.Open(path);
            using var machine = new TestMachine(harts: 2);
            var hva = machine.AddFileMemory(FileMemory, file, 8192);
            Start(machine, """
                other:  ld      t0, 0(a1)
                        ld      t0, 0(a2)
                        ecall
                        j       other
                        .balign 4096
                work:   sd      a0, -4(a2)
                        j       work
                """);
            foreach (var hart in machine.Harts)
            {
                hart.SetX(11, FileMemory);
                hart.SetX(12, MiddleOfStore);
            }

            machine.RunFor(1000, hart: 1);
            var flushes = 0;
            var own = false;
            machine.Flushed = hart =>
            {
                if (hart != 0)
                    return;

                if (own)
                {
                    // The flush that the discarding below has asked for.
                    own = false;
                    return;
                }

                if (++flushes < GiveUpAt)
                {
                    own = true;
                    machine.Discard(hva + (flushes % 2 == 0 ? 0ul : 4096), 4096);
                    Assert.Equal(VcpuExitReason.EnvironmentCall, machine.RunFor(1000, hart: 1).Reason);
                    if (kick && flushes == KickAt)
                        machine.Kick(0);
                }
            };
            var exit = machine.RunOnce(kick ? 1_000_000 : KickAt);
            Assert.Equal(kick ? VcpuExitReason.Interrupted : VcpuExitReason.Budget, exit.Reason);
            Assert.InRange(flushes, KickAt, KickAt * 20);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static AssemblyResult Start(TestMachine machine, string lines)
    {
        var program = GuestProgram.Assemble($"""
                    .globl  _start
            _start: bnez    a0, other
                    la      t0, work
                    jr      t0
            {lines}
            """, OutputKind.Elf);
        machine.Load(program);
        return program;
    }
}

public sealed class StarvationTestsOnTdp() : StarvationTests(MmuKind.Tdp);

public sealed class StarvationTestsOnShadow() : StarvationTests(MmuKind.Shadow);
