using System.Buffers.Binary;
using Warren.Asm;
using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Mmu;

/// <summary>
/// A guest that changes between paging modes at speed, on tables that mean something else at each level they are used at.
/// </summary>
public abstract class RootTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const int Rounds = 1000;

    /// <summary>
    /// Four translations of one counter, each increment by another: none, Sv39, Sv48 and Sv57 by the same table of gigabytes, and Sv39
    /// again with the root of Sv48 as its own, so that the table of gigabytes is one of 2 MiB pages there. Sometimes with a fence,
    /// sometimes without.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void No_store_is_lost_whatever_satp_says(int harts)
    {
        var source = $"""
                    .globl  _start
            _start: la      s0, counter
                    slli    t0, a0, 6
                    add     s0, s0, t0
                    li      t0, 0x80200000 - 0x600000
                    sub     s1, s0, t0              # index 3 of the gigabytes, as 2 MiB
                    li      s2, {Rounds}
                    la      s3, gigabytes
                    la      s4, root48
                    la      s5, root57
                    li      t0, (0x80000000 >> 2) | 0xcf
                    sd      t0, 16(s3)
                    li      t1, (0x80200000 >> 2) | 0xcf
                    sd      t1, 24(s3)
                    sd      t0, 16(s4)              # counts for Sv39 only: Sv48 knows no leaf there that it goes through
                    srli    t0, s3, 2
                    ori     t0, t0, 1
                    sd      t0, 0(s4)
                    srli    t0, s4, 2
                    ori     t0, t0, 1
                    sd      t0, 0(s5)
                    .irp    table, s3, s4, s5
                    srli    \table, \table, 12
                    .endr
                    li      s6, 8 << 60
                    or      s7, s6, s3              # Sv39
                    or      s8, s6, s4              # Sv39 by the root of Sv48
                    li      s6, 9 << 60
                    or      s9, s6, s4              # Sv48
                    li      s6, 10 << 60
                    or      s10, s6, s5             # Sv57
                    sfence.vma
            again:  csrw    satp, x0
                    mv      a1, s0
                    jal     bump
                    .irp    root, s7, s9, s10, s7, s10, s9
                    csrw    satp, \root
                    jal     bump
                    .endr
                    csrw    satp, s8
                    mv      a1, s1
                    jal     bump
                    mv      a1, s0
                    jal     bump
                    andi    t0, s2, 7
                    bnez    t0, 1f
                    sfence.vma
            1:      addi    s2, s2, -1
                    bnez    s2, again
                    csrw    satp, x0
                    ecall
            bump:   ld      t0, 0(a1)
                    addi    t0, t0, 1
                    sd      t0, 0(a1)
                    ret
                    .data
                    .balign 4096
            gigabytes: .zero 4096
            root48: .zero   4096
            root57: .zero   4096
            counter: .zero  256
            """;
        using var machine = new TestMachine(harts);
        var program = GuestProgram.Assemble(source, OutputKind.Elf);
        machine.Load(program);
        System.Threading.Thread[] threads =
            [.. Enumerable.Range(0, harts).Select(hart => new System.Threading.Thread(() => machine.RunFor(1_000_000, hart)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        for (var hart = 0; hart < harts; hart++)
        {
            Assert.Equal(0ul, machine.Harts[hart].GetX(18));
            var count = BinaryPrimitives.ReadUInt64LittleEndian(machine.Read(program.Symbols["counter"] + ((ulong)hart * 64), 8));
            Assert.Equal(9ul * Rounds, count);
        }

        Assert.InRange(machine.Statistics.Mmu.ShadowPagesMade, 0, 1000);
    }
}

public sealed class RootTestsOnTdp() : RootTests(MmuKind.Tdp);

public sealed class RootTestsOnShadow() : RootTests(MmuKind.Shadow);
