using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Exceptions other than illegal instructions, and what a trap and SRET do to the state.</summary>
public abstract class TrapTests(MmuKind mmu) : OnEachMmu(mmu)
{
    [Theory]
    [InlineData("lr.w a0, (a1)", ExceptionCause.LoadAddressMisaligned)]
    [InlineData("lr.d a0, (a1)", ExceptionCause.LoadAddressMisaligned)]
    [InlineData("sc.w a0, a2, (a1)", ExceptionCause.StoreAddressMisaligned)]
    [InlineData("sc.d a0, a2, (a1)", ExceptionCause.StoreAddressMisaligned)]
    [InlineData("amoadd.w a0, a2, (a1)", ExceptionCause.StoreAddressMisaligned)]
    [InlineData("amoswap.d a0, a2, (a1)", ExceptionCause.StoreAddressMisaligned)]
    [InlineData("amomaxu.d x0, a2, (a1)", ExceptionCause.StoreAddressMisaligned)]
    public void Atomics_must_be_aligned(string instruction, ExceptionCause cause)
    {
        foreach (var offset in instruction.Contains(".d", StringComparison.Ordinal) ? (int[])[1, 2, 4, 7] : [1, 2, 3])
        {
            var lines = $"""
                la a1, scratch
                li a0, 55
                sd a0, 0(a1)
                addi a1, a1, {offset}
                fault: {instruction}
                """;
            using var snippet = Snippet.Run(lines).ExpectTrap(cause);
            Assert.Equal(snippet.Symbol("scratch") + (ulong)offset, snippet.Hart.ReadCsr(0x143));
            Assert.Equal(55ul, snippet.A0);
            Assert.Equal(55, snippet.Machine.Read(snippet.Symbol("scratch"), 1)[0]);
        }
    }

    [Theory]
    [InlineData("lb a0, 0(a1)", ExceptionCause.LoadAccessFault)]
    [InlineData("ld a0, 0(a1)", ExceptionCause.LoadAccessFault)]
    [InlineData("ld x0, 0(a1)", ExceptionCause.LoadAccessFault)]
    [InlineData("fld fa0, 0(a1)", ExceptionCause.LoadAccessFault)]
    [InlineData("lr.d a0, (a1)", ExceptionCause.LoadAccessFault)]
    [InlineData("sb a0, 0(a1)", ExceptionCause.StoreAccessFault)]
    [InlineData("sd a0, 0(a1)", ExceptionCause.StoreAccessFault)]
    [InlineData("fsw fa0, 0(a1)", ExceptionCause.StoreAccessFault)]
    [InlineData("amoadd.d a0, a2, (a1)", ExceptionCause.StoreAccessFault)]
    [InlineData("c.ld a0, 0(a1)", ExceptionCause.LoadAccessFault)]
    [InlineData("c.sd a0, 0(a1)", ExceptionCause.StoreAccessFault)]
    [InlineData("cbo.zero (a1)", ExceptionCause.StoreAccessFault)]
    public void Nothing_there_is_an_access_fault(string instruction, ExceptionCause cause)
    {
        foreach (var address in (string[])["0x0", "0x70000000", "0xffffffffff000", "0xfffffffffffff000"])
        {
            var lines = $"""
                li a0, 55
                li a1, {address}
                fault: {instruction}
                """;
            using var snippet = Snippet.Run(lines).ExpectTrap(cause, address);
            Assert.Equal(55ul, snippet.A0);
        }
    }

    [Theory]
    [InlineData("0x40000000")]
    [InlineData("0x7ffffffe")]
    [InlineData("0xfffffffffffffffe")]
    public void A_jump_into_nowhere_faults_at_its_target(string target)
    {
        using var snippet = Snippet.Run($".set fault, {target}\nli a1, {target}\njr a1")
            .ExpectTrap(ExceptionCause.InstructionAccessFault, target);
    }

    [Theory]
    [InlineData("ebreak")]
    [InlineData("c.ebreak")]
    public void Ebreak_is_the_supervisors(string instruction)
    {
        using var snippet = Snippet.Run($"fault: {instruction}").ExpectTrap(ExceptionCause.Breakpoint);
    }

    [Fact]
    public void A_trap_from_user_mode_and_back()
    {
        var lines = $"""
            la t1, handler
            csrw stvec, t1
            csrsi sstatus, 2
            li s0, 0
            {Snippet.ToUser("user")}
            user: li s1, 5
            5: ecall
            addi s1, s1, -1
            bnez s1, 5b
            li s2, 99
            ecall
            .balign 4
            handler: addi s0, s0, 1
            csrr a0, sstatus
            csrr a1, scause
            bnez s2, finish
            csrr t0, sepc
            addi t0, t0, 4
            csrw sepc, t0
            sret
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(6ul, snippet.Hart.GetX(8));
        Assert.Equal(8ul, snippet.Hart.GetX(11));

        // SPP clear, SIE clear, and SPIE as SIE was in user mode: set, by the first SRET's SPIE of reset or by its own.
        Assert.Equal(0ul, snippet.A0 & 0x102);
    }

    /// <summary>SIE moves to SPIE on a trap and back on SRET, which leaves SPIE set and SPP clear.</summary>
    [Theory]
    [InlineData(0x000, 0x000)]
    [InlineData(0x002, 0x020)]
    public void A_trap_stacks_interrupt_enable(int enabled, int stacked)
    {
        var lines = $"""
            la t1, handler
            csrw stvec, t1
            csrci sstatus, 2
            csrsi sstatus, {enabled}
            ebreak
            csrr a1, sstatus
            j finish
            .balign 4
            handler: csrr a0, sstatus
            csrr t0, sepc
            addi t0, t0, 4
            csrw sepc, t0
            sret
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(0x100ul | (ulong)stacked, snippet.A0 & 0x122);
        Assert.Equal(0x020ul | (ulong)enabled, snippet.Hart.GetX(11) & 0x122);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 4)]
    public void A_software_interrupt_goes_where_stvec_says(int mode, int offset)
    {
        var lines = $"""
            la t1, vectors
            addi t1, t1, {mode}
            csrw stvec, t1
            csrsi sie, 2
            csrsi sip, 2
            li a0, 0
            csrsi sstatus, 2
            nop
            nop
            nop
            fault: j finish
            .balign 256
            vectors: j 5f
            li a0, 4
            csrr a1, scause
            j finish
            5: csrr a1, scause
            j finish
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal((ulong)offset, snippet.A0);
        Assert.Equal(0x8000_0000_0000_0001, snippet.Hart.GetX(11));
    }

    [Fact]
    public void Vectored_mode_sends_exceptions_to_the_base()
    {
        var lines = """
            la t1, vectors
            addi t1, t1, 1
            csrw stvec, t1
            ebreak
            j finish
            .balign 256
            vectors: li a0, 1
            j finish
            j finish
            li a0, 2
            j finish
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(1ul, snippet.A0);
    }
}

public sealed class TrapTestsOnTdp() : TrapTests(MmuKind.Tdp);

public sealed class TrapTestsOnShadow() : TrapTests(MmuKind.Shadow);
