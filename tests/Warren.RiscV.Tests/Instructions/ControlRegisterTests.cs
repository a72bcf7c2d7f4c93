using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Zicsr's forms, and the side effects and legal values of the registers that S and U mode see.</summary>
public class ControlRegisterTests
{
    /// <summary>Each form returns the old value and leaves the new one, on a register that holds anything; a1 is 0xff00.</summary>
    [Theory]
    [InlineData("csrrw a0, sscratch, a1", 0xf0f0, 0xff00)]
    [InlineData("csrrs a0, sscratch, a1", 0xf0f0, 0xfff0)]
    [InlineData("csrrc a0, sscratch, a1", 0xf0f0, 0x00f0)]
    [InlineData("csrrwi a0, sscratch, 31", 0xf0f0, 0x001f)]
    [InlineData("csrrsi a0, sscratch, 21", 0xf0f0, 0xf0f5)]
    [InlineData("csrrci a0, sscratch, 17", 0xf0f1, 0xf0e0)]
    [InlineData("csrrs a0, sscratch, x0", 0xf0f0, 0xf0f0)]
    [InlineData("csrrc a0, sscratch, x0", 0xf0f0, 0xf0f0)]
    [InlineData("csrrwi a0, sscratch, 0", 0xf0f0, 0)]
    [InlineData("csrrw a0, sscratch, x0", 0xf0f0, 0)]
    public void The_six_forms(string instruction, ulong before, ulong after)
    {
        using var snippet = Snippet.Run($"li t0, {before}\ncsrw sscratch, t0\nli a1, 0xff00\n{instruction}").ExpectFinish();
        Assert.Equal(before, snippet.A0);
        Assert.Equal(after, snippet.Hart.ReadCsr(0x140));
    }

    [Fact]
    public void Destination_may_be_the_source()
    {
        using var snippet = Snippet.Run("li a0, 5\ncsrw sscratch, a0\nli a0, 9\ncsrrw a0, sscratch, a0").ExpectFinish();
        Assert.Equal(5ul, snippet.A0);
        Assert.Equal(9ul, snippet.Hart.ReadCsr(0x140));
    }

    /// <summary>The bits that remain of all ones, and of zero.</summary>
    [Theory]
    [InlineData("sepc", 0xffff_ffff_ffff_fffe, 0)]
    [InlineData("scause", 0xffff_ffff_ffff_ffff, 0)]
    [InlineData("stval", 0xffff_ffff_ffff_ffff, 0)]
    [InlineData("sscratch", 0xffff_ffff_ffff_ffff, 0)]
    [InlineData("stimecmp", 0xffff_ffff_ffff_ffff, 0)]
    [InlineData("fflags", 0x1f, 0)]
    [InlineData("frm", 7, 0)]
    [InlineData("fcsr", 0xff, 0)]
    [InlineData("sie", 0x222, 0)]
    public void Writable_bits(string register, ulong ones, ulong zeroes)
    {
        var lines = $"""
            li a2, -1
            csrw {register}, a2
            csrr a0, {register}
            csrw {register}, x0
            csrr a1, {register}
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();

        // More interrupt enables than the three standard ones may exist.
        var mask = register == "sie" ? 0x222 : ulong.MaxValue;
        Assert.Equal(ones, snippet.A0 & mask);
        Assert.Equal(zeroes, snippet.Hart.GetX(11));
    }

    [Fact]
    public void Fcsr_is_made_of_frm_and_fflags()
    {
        var lines = """
            li t0, 0xb5
            csrw fcsr, t0
            csrr a0, frm
            csrr a1, fflags
            csrwi fflags, 0x0a
            csrwi frm, 2
            csrr a2, fcsr
            csrrsi a3, fflags, 1
            csrrci a4, fcsr, 0x0b
            csrr a5, fcsr
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal([5, 0x15, 0x4a, 0x0a, 0x4b, 0x40], Enumerable.Range(10, 6).Select(snippet.Hart.GetX));
    }

    [Fact]
    public void Sstatus_keeps_its_fixed_fields()
    {
        const string lines = "li t0, -1\ncsrw sstatus, t0\ncsrr a0, sstatus\ncsrw sstatus, x0\ncsrr a1, sstatus";
        using var snippet = Snippet.Run(lines).ExpectFinish();

        // SD, UXL = 64 bits, MXR, SUM, FS, SPP, SPIE, SIE; UBE, VS and XS read zero.
        Assert.Equal(0x8000_0002_000c_6122, snippet.A0);
        Assert.Equal(0x0000_0002_0000_0000ul, snippet.Hart.GetX(11));
    }

    [Fact]
    public void Satp_ignores_a_mode_it_does_not_have()
    {
        var lines = """
            csrw satp, x0
            li t0, 0x1000000000081000
            csrw satp, t0
            csrr a0, satp
            li t0, 0xf000000000081000
            csrw satp, t0
            csrr a1, satp
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(0ul, snippet.A0);
        Assert.Equal(0ul, snippet.Hart.GetX(11));
    }

    [Fact]
    public void Instret_counts_each_instruction_once()
    {
        var lines = """
            rdinstret a0
            rdinstret a1
            nop
            c.nop
            li t1, 3
            5: addi t1, t1, -1
            bnez t1, 5b
            rdinstret a2
            j 6f
            6: rdinstret a3
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(1ul, snippet.Hart.GetX(11) - snippet.A0);
        Assert.Equal(1ul + 3 + 6, snippet.Hart.GetX(12) - snippet.Hart.GetX(11));
        Assert.Equal(2ul, snippet.Hart.GetX(13) - snippet.Hart.GetX(12));
    }

    [Fact]
    public void Time_is_the_environments()
    {
        using var snippet = Snippet.Run("rdtime a0", machine => machine.Environment.Time = 0x1234_5678_9abc).ExpectFinish();
        Assert.Equal(0x1234_5678_9abcul, snippet.A0);
    }

    [Fact]
    public void The_timer_interrupt_follows_stimecmp()
    {
        var lines = """
            la t1, handler
            csrw stvec, t1
            li t1, 0x20
            csrs sie, t1
            li t1, 1000
            csrw stimecmp, t1
            csrr a1, sip
            li t1, 100
            csrw stimecmp, t1
            csrr a2, sip
            csrsi sstatus, 2
            nop
            nop
            li a0, 0
            j finish
            .balign 4
            handler: csrr a0, scause
            li t1, -1
            csrw stimecmp, t1
            csrr a3, sip
            j finish
            """;
        using var snippet = Snippet.Run(lines, machine => machine.Environment.Time = 500).ExpectFinish();
        Assert.Equal(0x8000_0000_0000_0005, snippet.A0);
        Assert.Equal(0ul, snippet.Hart.GetX(11) & 0x20);
        Assert.Equal(0x20ul, snippet.Hart.GetX(12) & 0x20);
        Assert.Equal(0ul, snippet.Hart.GetX(13) & 0x20);
        Assert.Equal(ulong.MaxValue, snippet.Machine.Environment.Deadline);
    }
}
