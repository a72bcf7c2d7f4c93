using Warren.Asm;
using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Execution;

/// <summary>Decoded blocks never outlive the code they came from.</summary>
public abstract class CodeChangeTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const uint SetOne = 0x0010_0513; // li a0, 1
    private const uint SetTwo = 0x0020_0513; // li a0, 2

    [Fact]
    public void Code_rewritten_by_its_own_hart_is_new_behind_fence_i()
    {
        using var snippet = Snippet.Run($"""
                la      s0, patch
                li      s1, {SetTwo}
                li      s2, 0
                li      s3, 200
        again:  jal     s5, patch
                add     s2, s2, a0
                sw      s1, 0(s0)
                fence.i
                jal     s5, patch
                add     s2, s2, a0
                li      s4, {SetOne}
                sw      s4, 0(s0)
                fence.i
                addi    s3, s3, -1
                bnez    s3, again
                mv      a0, s2
                j       finish
                .balign 4
        patch:  .word   {SetOne}
                jr      s5
        """).ExpectFinish();
        Assert.Equal(600ul, snippet.A0);
    }

    [Fact]
    public void Code_rewritten_from_outside_is_new_when_it_is_next_reached()
    {
        using var machine = new TestMachine();
        var program = GuestProgram.Assemble("""
                    .globl  _start
            _start: jal     s5, patch
                    ecall
                    j       _start
                    .balign 4096
            patch:  li      a0, 1
                    jr      s5
            """, OutputKind.Elf);
        machine.Load(program);
        for (var turn = 0; turn < 50; turn++)
        {
            machine.Run();
            Assert.Equal(turn % 2 == 0 ? 1ul : 2, machine.Hart.GetX(10));
            machine.Write(program.Symbols["patch"], BitConverter.GetBytes(turn % 2 == 0 ? SetTwo : SetOne));
            machine.Hart.FenceI();
        }

        // Each rewriting decodes the page anew, and nothing else.
        Assert.InRange(machine.Hart.Statistics.BlocksDecoded, 50, 120);
    }

    [Fact]
    public void An_instruction_across_pages_follows_both()
    {
        using var machine = new TestMachine();
        var program = GuestProgram.Assemble("""
                    .globl  _start
            _start: jal     s5, patch
                    ecall
                    j       _start
                    .balign 4096
                    .zero   4094
            patch:  .half   0x0513, 0x0010
                    .word   0x000a8067
            """, OutputKind.Elf);
        machine.Load(program);
        for (var turn = 0; turn < 20; turn++)
        {
            machine.Run();
            Assert.Equal((ulong)turn % 8 + 1, machine.Hart.GetX(10));
            machine.Write(program.Symbols["patch"] + 2, BitConverter.GetBytes((ushort)(((turn + 1) % 8 + 1) << 4)));
            machine.Hart.FenceI();
        }
    }

    [Fact]
    public void A_full_arena_is_dropped_and_execution_goes_on()
    {
        using var machine = new TestMachine(options: new HartOptions { CodeArenaBytes = 1 << 20 });
        var body = string.Concat(Enumerable.Repeat("        addi    a0, a0, 1\n        beqz    x0, 1f\n1:\n", 12_000));
        machine.Load(GuestProgram.Assemble($"""
                    .globl  _start
            _start: li      s1, 3
            again:
            {body}
                    addi    s1, s1, -1
                    bnez    s1, far
                    ecall
            far:    la      t0, again
                    jr      t0
            """, OutputKind.Elf));
        machine.Run();
        Assert.Equal(36_000ul, machine.Hart.GetX(10));
        Assert.True(machine.Hart.Statistics.ArenaDrops > 1);
    }
}

public sealed class CodeChangeTestsOnTdp() : CodeChangeTests(MmuKind.Tdp);

public sealed class CodeChangeTestsOnShadow() : CodeChangeTests(MmuKind.Shadow);
