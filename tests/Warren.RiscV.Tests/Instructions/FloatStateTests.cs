using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>The guards of floating point: sstatus.FS, the dynamic rounding mode, and NaN boxes.</summary>
public class FloatStateTests
{
    private static readonly string[] WritingFloat =
    [
        "fadd.d fa0, fa1, fa2", "fsqrt.s fa0, fa1", "fmadd.d fa0, fa1, fa2, fa3", "fmin.s fa0, fa1, fa2", "fsgnj.d fa0, fa1, fa2",
        "fmv.w.x fa0, a1", "fcvt.d.w fa0, a1", "flw fa0, 0(a1)", "fld fa0, 0(a1)", "c.fld fa0, 0(a1)", "c.fldsp fa0, 0(sp)",
        "csrw fcsr, a1", "csrwi frm, 1", "csrwi fflags, 1",
    ];

    private static readonly string[] ReadingFloat =
    [
        "feq.d a0, fa1, fa2", "fclass.s a0, fa1", "fmv.x.d a0, fa1", "fcvt.l.d a0, fa1", "fsw fa0, 0(a1)", "fsd fa0, 0(a1)",
        "c.fsd fa0, 0(a1)", "c.fsdsp fa0, 0(sp)", "csrr a0, fcsr", "csrr a0, frm", "csrr a0, fflags",
    ];

    public static TheoryData<string> Writing => [.. WritingFloat];

    public static TheoryData<string> All => [.. WritingFloat, .. ReadingFloat];

    [Theory]
    [MemberData(nameof(All))]
    public void Off_makes_it_illegal(string instruction)
    {
        var lines = $"""
            la a1, scratch
            mv sp, a1
            li t0, 0x6000
            csrc sstatus, t0
            fault: {instruction}
            """;
        using var snippet = Snippet.Run(lines).ExpectTrap(ExceptionCause.IllegalInstruction);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void On_makes_it_legal_and_SD_summarises(string instruction)
    {
        var status = StatusAfter(instruction);
        Assert.NotEqual(0ul, status & 0x6000);
        Assert.Equal((status & 0x6000) == 0x6000, status >> 63 != 0);
    }

    [Theory]
    [MemberData(nameof(Writing))]
    [InlineData("feq.d a0, fa4, fa4")] // writes a flag only
    public void A_change_dirties(string instruction)
        => Assert.Equal(0x8000_0000_0000_6000, StatusAfter(instruction) & 0x8000_0000_0000_6000);

    private static ulong StatusAfter(string instruction)
    {
        // fa4 is a signaling NaN; FS is Clean.
        var lines = $"""
            la a1, scratch
            mv sp, a1
            li t0, 0x7ff4000000000000
            fmv.d.x fa4, t0
            li t0, 0x6000
            csrc sstatus, t0
            li t0, 0x4000
            csrs sstatus, t0
            {instruction}
            csrr a2, sstatus
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        return snippet.Hart.GetX(12);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void A_reserved_dynamic_mode_is_illegal_where_rounding_is_dynamic(int mode)
    {
        string[] dynamic =
        [
            "fadd.s fa0, fa1, fa2", "fdiv.d fa0, fa1, fa2", "fsqrt.d fa0, fa1", "fmadd.s fa0, fa1, fa2, fa3",
            "fcvt.w.d a0, fa1", "fcvt.s.l fa0, a1", "fcvt.s.d fa0, fa1",
        ];
        foreach (var instruction in dynamic)
        {
            using var snippet = Snippet.Run($"csrwi frm, {mode}\nfault: {instruction}").ExpectTrap(ExceptionCause.IllegalInstruction);
        }

        // A static mode, and what does not round, do not look at it.
        var lines = $"""
            csrwi frm, {mode}
            fadd.s fa0, fa1, fa2, rne
            fcvt.w.d a0, fa1, rtz
            fsgnj.d fa0, fa1, fa2
            fmin.d fa0, fa1, fa2
            feq.s a0, fa1, fa2
            fclass.d a0, fa1
            fcvt.d.w fa0, a1
            fcvt.d.s fa0, fa1
            fmv.x.w a0, fa1
            """;
        using var fine = Snippet.Run(lines).ExpectFinish();
    }

    /// <summary>1 + 2^-53 and its negative, rounded by each dynamic mode.</summary>
    [Theory]
    [InlineData(0, 0x3ff0_0000_0000_0000, 0xbff0_0000_0000_0000)]
    [InlineData(1, 0x3ff0_0000_0000_0000, 0xbff0_0000_0000_0000)]
    [InlineData(2, 0x3ff0_0000_0000_0000, 0xbff0_0000_0000_0001)]
    [InlineData(3, 0x3ff0_0000_0000_0001, 0xbff0_0000_0000_0000)]
    [InlineData(4, 0x3ff0_0000_0000_0001, 0xbff0_0000_0000_0001)]
    public void The_dynamic_mode_is_frms(int mode, ulong positive, ulong negative)
    {
        var lines = $"""
            li t0, 0x3ff0000000000000
            fmv.d.x fa1, t0
            li t0, 0x3ca0000000000000
            fmv.d.x fa2, t0
            csrwi fcsr, 0
            csrwi frm, {mode}
            fadd.d fa0, fa1, fa2
            fneg.d fa1, fa1
            fsub.d fa3, fa1, fa2, dyn
            fmv.x.d a0, fa0
            fmv.x.d a1, fa3
            csrr a2, fcsr
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(positive, snippet.A0);
        Assert.Equal(negative, snippet.Hart.GetX(11));
        Assert.Equal((ulong)(mode << 5 | 1), snippet.Hart.GetX(12));
    }

    [Fact]
    public void Singles_that_are_not_boxed_are_nans_except_to_moves_and_stores()
    {
        var lines = """
            li t0, 0x3f800000
            fmv.d.x fa1, t0
            fmv.w.x fa2, t0
            fadd.s fa0, fa1, fa2
            fmv.x.d a0, fa0
            fclass.s a1, fa1
            fmv.x.w a2, fa1
            la t1, scratch
            fsw fa1, 0(t1)
            lwu a3, 0(t1)
            fsgnj.s fa4, fa1, fa1
            fmv.x.d a4, fa4
            fmv.x.d a5, fa2
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(
            [0xffff_ffff_7fc0_0000, 0x200, 0x3f80_0000, 0x3f80_0000, 0xffff_ffff_7fc0_0000, 0xffff_ffff_3f80_0000],
            Enumerable.Range(10, 6).Select(snippet.Hart.GetX));
    }
}
