using Warren.Asm;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Execution;

/// <summary>Only a hart that executes nothing any more is said to be in a trap loop.</summary>
public abstract class TrapLoopTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private static AssemblyResult Start(TestMachine machine, string source)
    {
        var program = GuestProgram.Assemble("        .globl _start\n_start:\n" + source, OutputKind.Elf);
        machine.Load(program);
        return program;
    }

    [Fact]
    public void An_unset_trap_vector_is_a_loop_until_someone_mends_it()
    {
        using var machine = new TestMachine();
        var program = Start(machine, """
                    la      t0, handler
                    csrw    stvec, t0
            fault:  csrr    a0, mhartid
                    .balign 4
            handler: .word  0
            """);
        Assert.Equal(VcpuExitReason.TrapLoop, machine.Run().Reason);
        var retired = machine.Hart.InstructionsRetired;
        Assert.Equal(new GuestException(ExceptionCause.IllegalInstruction, program.Symbols["fault"], 0xf1402573),
            machine.Hart.FirstException);
        Assert.Equal(new GuestException(ExceptionCause.IllegalInstruction, program.Symbols["handler"], 0), machine.Hart.LastException);
        Assert.Equal(VcpuExitReason.TrapLoop, machine.Run().Reason);
        Assert.Equal(retired, machine.Hart.InstructionsRetired);
        Assert.Equal(program.Symbols["fault"], machine.Hart.FirstException.Pc);

        machine.Write(program.Symbols["handler"], [0x73, 0, 0, 0]);
        Assert.Equal(VcpuExitReason.EnvironmentCall, machine.Run().Reason);
        Assert.Equal(retired + 1, machine.Hart.InstructionsRetired);
    }

    /// <summary>A hart that is started anew has executed no more than before, and is not where it was.</summary>
    [Fact]
    public void A_hart_that_is_reset_begins_anew()
    {
        using var machine = new TestMachine();
        var program = Start(machine, """
                    ebreak
                    .balign 4
            second: .word   0
            """);
        Assert.Equal(VcpuExitReason.TrapLoop, machine.Run().Reason);
        machine.Hart.Reset(program.Symbols["second"], 0, 0);
        Assert.Equal(VcpuExitReason.TrapLoop, machine.Run().Reason);
        Assert.Equal(new GuestException(ExceptionCause.IllegalInstruction, program.Symbols["second"], 0), machine.Hart.FirstException);
    }

    /// <summary>A handler that executes one instruction before it traps may be counting, or looking at a device.</summary>
    [Fact]
    public void A_handler_that_executes_anything_is_none()
    {
        using var machine = new TestMachine();
        Start(machine, """
                    la      t0, handler
                    csrw    stvec, t0
                    .balign 4
            handler: addi   s0, s0, 1
                    ebreak
            """);
        Assert.Equal(VcpuExitReason.Budget, machine.RunFor(1_000_000).Reason);
        Assert.InRange(machine.Hart.GetX(8), 400_000ul, 1_000_000ul);
    }

    [Fact]
    public void Exceptions_of_one_place_that_are_handled_are_none()
    {
        using var machine = new TestMachine();
        Start(machine, """
                    la      t0, handler
                    csrw    stvec, t0
                    li      s0, 100000
            1:      ebreak
                    addi    s0, s0, -1
                    bnez    s0, 1b
                    ecall
                    .balign 4
            handler: csrr   t0, sepc
                    addi    t0, t0, 4
                    csrw    sepc, t0
                    sret
            """);
        Assert.Equal(VcpuExitReason.EnvironmentCall, machine.Run(2_000_000).Reason);
        Assert.Equal(100_000, machine.Hart.Statistics.Exceptions);
    }
}

public sealed class TrapLoopTestsOnTdp() : TrapLoopTests(MmuKind.Tdp);

public sealed class TrapLoopTestsOnShadow() : TrapLoopTests(MmuKind.Shadow);
