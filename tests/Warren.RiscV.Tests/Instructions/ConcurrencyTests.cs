using System.Buffers.Binary;
using Warren.Asm;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Atomics between harts that run on threads of their own.</summary>
public abstract class ConcurrencyTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const int Rounds = 20_000;

    /// <summary>Each hart adds its rounds to a word or doubleword in some atomic way; no addition may be lost.</summary>
    [Theory]
    [InlineData("amoadd.d x0, a2, (a1)")]
    [InlineData("amoadd.w x0, a2, (a1)")]
    [InlineData("5: lr.d t1, (a1)\n add t1, t1, a2\n sc.d t2, t1, (a1)\n bnez t2, 5b")]
    [InlineData("5: lr.w.aq t1, (a1)\n addw t1, t1, a2\n sc.w.rl t2, t1, (a1)\n bnez t2, 5b")]
    [InlineData("5: amoswap.w.aq t1, a2, 8(a1)\n bnez t1, 5b\n ld t1, 0(a1)\n add t1, t1, a2\n sd t1, 0(a1)\n amoswap.w.rl x0, x0, 8(a1)")]
    public void No_increment_is_lost(string increment)
    {
        // AMOs take no offset: a second pointer stands for 8(a1).
        var source = $"""
                    .globl _start
            _start: la      a1, counter
                    addi    a3, a1, 8
                    li      a2, 1
                    li      s0, {Rounds}
            6:      {increment.Replace("8(a1)", "(a3)", StringComparison.Ordinal)}
                    addi    s0, s0, -1
                    bnez    s0, 6b
                    ecall
                    .data
                    .balign 64
            counter: .dword 0, 0
            """;
        const int harts = 3;
        using var machine = new TestMachine(harts);
        var program = GuestProgram.Assemble(source, OutputKind.Elf);
        machine.Load(program);
        var ends = new VcpuExitReason[harts];
        System.Threading.Thread[] threads = [.. Enumerable.Range(0, harts).Select(hart => new System.Threading.Thread(() =>
        {
            // In slices, so that the harts also meet where the host would rather run one to its end.
            VcpuExit exit;
            do
            {
                exit = machine.RunFor(997, hart);
            }
            while (exit.Reason is VcpuExitReason.Budget or VcpuExitReason.None or VcpuExitReason.Interrupted);
            ends[hart] = exit.Reason;
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(ends, end => Assert.Equal(VcpuExitReason.EnvironmentCall, end));
        var total = BinaryPrimitives.ReadUInt64LittleEndian(machine.Read(program.Symbols["counter"], 8));
        Assert.Equal((ulong)harts * Rounds, total);
    }

    /// <summary>Another hart's store between LR and SC makes the SC fail; one hart at a time, so that the order is certain.</summary>
    [Theory]
    [InlineData("w", "sd")]
    [InlineData("d", "sd")]
    [InlineData("d", "sw")]
    [InlineData("w", "sb")]
    public void A_foreign_store_breaks_the_reservation(string width, string store)
    {
        var source = $"""
                    .globl _start
            _start: la      a1, place
                    li      a2, 9
                    bnez    a0, other
                    lr.{width}   a3, (a1)
                    ecall
                    sc.{width}   a4, a2, (a1)
                    ecall
            other:  li      a5, 5
                    {store} a5, 0(a1)
                    ecall
                    .data
                    .balign 8
            place:  .dword 3
            """;
        using var machine = new TestMachine(harts: 2);
        var program = GuestProgram.Assemble(source, OutputKind.Elf);
        machine.Load(program);
        Assert.Equal(VcpuExitReason.EnvironmentCall, machine.RunFor(1000, hart: 0).Reason);
        Assert.Equal(VcpuExitReason.EnvironmentCall, machine.RunFor(1000, hart: 1).Reason);
        Assert.Equal(VcpuExitReason.EnvironmentCall, machine.RunFor(1000, hart: 0).Reason);
        Assert.Equal(3ul, machine.Hart.GetX(13));
        Assert.NotEqual(0ul, machine.Hart.GetX(14));
        Assert.Equal(5, machine.Read(program.Symbols["place"], 1)[0]);
    }
}

public sealed class ConcurrencyTestsOnTdp() : ConcurrencyTests(MmuKind.Tdp);

public sealed class ConcurrencyTestsOnShadow() : ConcurrencyTests(MmuKind.Shadow);
