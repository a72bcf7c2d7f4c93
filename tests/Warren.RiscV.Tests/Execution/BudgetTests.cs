using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Execution;

/// <summary>The budget is exact, whatever the blocks, and so is the count of instructions retired.</summary>
public abstract class BudgetTests(MmuKind mmu) : OnEachMmu(mmu)
{
    // A loop of mixed lengths, several blocks, a call and a return: 11 instructions a turn.
    private const string Loop = """
                .globl  _start
        _start: li      s0, 0
        1:      addi    s0, s0, 1
                addi    s1, s1, 3
                beqz    x0, 2f
                nop
        2:      call    3f
                addi    s2, s2, 5
                xor     s3, s1, s2
                j       1b
                .balign 4
        3:      addi    s4, s4, 1
                ret
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Any_slicing_executes_the_same_instructions(bool compress)
    {
        const long Total = 20_000;
        using var whole = Start(compress);
        Assert.Equal(VcpuExitReason.Budget, whole.RunFor(Total).Reason);
        Assert.Equal((ulong)Total, whole.Hart.InstructionsRetired);

        var random = new Random(7);
        using var sliced = Start(compress);
        for (long done = 0; done < Total;)
        {
            var slice = Math.Min(random.Next(1, 40), Total - done);
            sliced.RunFor(slice);
            done += slice;
            Assert.Equal((ulong)done, sliced.Hart.InstructionsRetired);
        }

        Assert.Equal(whole.Hart.Pc, sliced.Hart.Pc);
        for (var x = 0; x < 32; x++)
            Assert.Equal(whole.Hart.GetX(x), sliced.Hart.GetX(x));
    }

    [Fact]
    public void A_trap_costs_budget_but_does_not_retire()
    {
        using var machine = new TestMachine();
        // stvec points at unmapped memory: one instruction access fault after another, for ever.
        machine.Hart.Reset(0x1000, 0, 0);
        machine.Hart.WriteCsr(0x105, 0x2000);
        Assert.Equal(VcpuExitReason.Budget, machine.RunFor(1000).Reason);
        Assert.Equal(0ul, machine.Hart.InstructionsRetired);
        Assert.Equal(1000, machine.Hart.Statistics.Exceptions);
    }

    [Fact]
    public void Instret_counts_what_came_before_it()
    {
        using var snippet = Snippet.Run("""
            rdinstret a1
            addi a0, a0, 0
            nop
            rdinstret a2
            sub a0, a2, a1
            """).ExpectFinish();
        Assert.Equal(3ul, snippet.A0);
    }

    [Fact]
    public void Wfi_halts_behind_itself_and_an_enabled_interrupt_does_not_let_it()
    {
        using var machine = new TestMachine();
        machine.Load(GuestProgram.Assemble("""
                    .globl  _start
            _start: wfi
                    li      a0, 1
                    wfi
                    li      a0, 2
                    wfi
            """, Warren.Asm.OutputKind.Elf));
        Assert.Equal(VcpuExitReason.Halted, machine.Run().Reason);
        Assert.Equal(0ul, machine.Hart.GetX(10));
        Assert.Equal(VcpuExitReason.Halted, machine.Run().Reason);
        Assert.Equal(1ul, machine.Hart.GetX(10));

        // Pending and enabled in sie, though sstatus.SIE is clear: no halt, no trap.
        machine.Hart.WriteCsr(0x104, 1 << 9);
        machine.Hart.SetInterrupt(9, true);
        Assert.True(machine.Hart.HasPendingInterrupt);
        Assert.Equal(VcpuExitReason.Budget, machine.RunFor(2).Reason);
        Assert.Equal(2ul, machine.Hart.GetX(10));
    }

    [Fact]
    public void The_timer_interrupt_follows_stimecmp()
    {
        using var machine = new TestMachine();
        var program = GuestProgram.Assemble("""
                    .globl  _start
            _start: j       _start
                    .balign 4
            trap:   j       trap
            """, Warren.Asm.OutputKind.Elf);
        machine.Load(program);
        machine.Hart.WriteCsr(0x105, program.Symbols["trap"]);
        machine.Hart.WriteCsr(0x104, 1 << 5);
        machine.Hart.WriteCsr(0x100, 1 << 1);
        machine.Environment.Time = 100;
        machine.Hart.WriteCsr(0x14d, 200);
        Assert.Equal(200ul, machine.Environment.Deadline);
        machine.RunFor(10);
        Assert.Equal(0, machine.Hart.Statistics.Interrupts);
        machine.Environment.Time = 200;
        Assert.Equal(1ul << 5, machine.Hart.ReadCsr(0x144));
        machine.RunFor(1);
        Assert.Equal(1, machine.Hart.Statistics.Interrupts);
        Assert.Equal(1ul << 63 | 5, machine.Hart.ReadCsr(0x142));
        machine.Hart.WriteCsr(0x14d, 300);
        Assert.Equal(0ul, machine.Hart.ReadCsr(0x144));
    }

    private static TestMachine Start(bool compress)
    {
        var machine = new TestMachine();
        machine.Load(GuestProgram.Assemble(Loop, Warren.Asm.OutputKind.Elf, compress));
        return machine;
    }
}

public sealed class BudgetTestsOnTdp() : BudgetTests(MmuKind.Tdp);

public sealed class BudgetTestsOnShadow() : BudgetTests(MmuKind.Shadow);
