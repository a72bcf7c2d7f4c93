using Warren.Hypervisor.Paging;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Tests;

/// <summary>
/// A guest that can only take one exception for ever ends, with a sentence that says so; one that others can still help does not.
/// </summary>
public abstract class TrapLoopTests(MmuKind mmu) : OnEachMmu(mmu)
{
    [Theory]
    [InlineData("csrr a0, mhartid", "'csrr mhartid' at 0x80000004")]
    [InlineData("csrw mtvec, t0", "'csrrw mtvec' at 0x80000004")]
    [InlineData("csrwi mie, 0", "'csrrwi mie' at 0x80000004")]
    [InlineData("csrw pmpaddr3, t0", "'csrrw pmpaddr3' at 0x80000004")]
    [InlineData("mret", "'mret' at 0x80000004")]
    public void A_program_for_machine_mode_is_told(string instruction, string named)
    {
        using var guest = new Guest($"""
                    .option norvc
                    li      t0, 1
                    {instruction}
                    pass
            """);
        var exit = guest.Run(cpus: 4);
        Assert.Equal(MachineExitKind.Stuck, exit.Kind);
        Assert.StartsWith("Hart 0 can never go on: ", exit.Detail, StringComparison.Ordinal);
        Assert.Contains(named, exit.Detail, StringComparison.Ordinal);
        Assert.Contains("an instruction access fault at 0x0", exit.Detail, StringComparison.Ordinal);
        Assert.Contains("build it for S-mode", exit.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ebreak", "a breakpoint at 0x80000004")]
    [InlineData("lw t1, 0(t0)", "a load access fault for 0x1 at 0x80000004")]
    [InlineData(".word 0", "an illegal instruction (0x0) at 0x80000004")]
    [InlineData("jr t0", "an instruction access fault at 0x0")]
    [InlineData("csrr t1, 0x600", "an illegal instruction (0x60002373) at 0x80000004")]  // hstatus: another mode's, but not machine mode's
    public void Any_other_is_told_what_it_does(string instruction, string named)
    {
        using var guest = new Guest($"""
                    .option norvc
                    li      t0, 1
                    {instruction}
                    pass
            """);
        var exit = guest.Run();
        Assert.Equal(MachineExitKind.Stuck, exit.Kind);
        Assert.Contains(named, exit.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("S-mode", exit.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_handler_that_traps_itself_is_found_wherever_it_is()
    {
        using var guest = new Guest("""
                    la      t0, handler
                    csrw    stvec, t0
                    li      t0, 0x222
                    csrw    sie, t0
                    csrsi   sstatus, 2
                    ebreak
                    pass
                    .balign 64
            handler: csrrw  sp, mscratch, sp
                    pass
            """);
        var exit = guest.Run();
        Assert.Equal(MachineExitKind.Stuck, exit.Kind);
        Assert.Contains("'csrrw mscratch' at 0x80000040, where stvec points", exit.Detail, StringComparison.Ordinal);
    }

    /// <summary>
    /// Hart 0 loops at its handler until hart 1, long after, writes an instruction there, and stops. Neither while hart 1 is at work nor
    /// right after it stopped is hart 0 given up.
    /// </summary>
    [Fact]
    public async Task A_hart_that_another_one_helps_goes_on()
    {
        using var guest = new Guest("""
                    la      t0, handler
                    csrw    stvec, t0
                    li      a0, 1
                    la      a1, other
                    li      a2, 0
                    sbi     HSM, 0
                    bnez    a0, 3f
                    ebreak
            3:      fail    1
                    .balign 4096
            handler: .word  0
                    pass
                    .balign 4096
            other:  li      t0, 3000000
            1:      addi    t0, t0, -1
                    bnez    t0, 1b
                    la      t0, handler
                    li      t1, 0x00000013
                    sw      t1, 0(t0)
                    fence   rw, rw
                    li      a0, 1
                    li      a1, 0
                    sbi     RFENCE, 0
                    sbi     HSM, 1
                    fail    2
            """);
        using var pool = new VcpuPool(1);
        using var machine = Machine.Create(guest.Options with { Cpus = 2, Pool = pool });
        var exit = await machine.RunAsync().WaitAsync(Guest.Patience + Guest.Patience);
        Assert.Equal(MachineExitKind.PowerOff, exit.Kind);
        Assert.InRange(machine.Statistics.Harts[0].Details.Exceptions, 4L << 16, long.MaxValue);
    }
}

public sealed class TrapLoopTestsOnTdp() : TrapLoopTests(MmuKind.Tdp);

public sealed class TrapLoopTestsOnShadow() : TrapLoopTests(MmuKind.Shadow);
