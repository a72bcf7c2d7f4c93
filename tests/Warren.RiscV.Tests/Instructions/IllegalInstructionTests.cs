using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>
/// Encodings that must raise an illegal-instruction exception, with the encoding in stval; and reserved ones that must not.
/// </summary>
public class IllegalInstructionTests
{
    [Theory]
    [InlineData(0x0000u)] // defined illegal
    [InlineData(0x0004u)] // c.addi4spn with a zero constant
    [InlineData(0x001cu)]
    [InlineData(0x8000u)] // quadrant 0, funct3 100
    [InlineData(0x8010u)]
    [InlineData(0x2001u)] // c.addiw x0
    [InlineData(0x2005u)]
    [InlineData(0x6101u)] // c.addi16sp with zero
    [InlineData(0x6281u)] // c.lui x5, 0
    [InlineData(0x6001u)] // c.lui x0, 0
    [InlineData(0x9c41u)] // quadrant 1, misc-alu, reserved
    [InlineData(0x9c61u)]
    [InlineData(0x4002u)] // c.lwsp x0
    [InlineData(0x6002u)] // c.ldsp x0
    [InlineData(0x8002u)] // c.jr x0
    public void Reserved_compressed_encodings(uint encoding) => ExpectIllegal($".half 0x{encoding:x}", encoding);

    [Theory]
    [InlineData(0x0000007fu)] // opcodes of custom or reserved space
    [InlineData(0xffffffffu)] // an instruction of 192 bits or more
    [InlineData(0x0000003fu)] // 64 bits
    [InlineData(0x0000001fu)] // 48 bits
    [InlineData(0x0000000bu)] // custom-0
    [InlineData(0x0000006bu)]
    [InlineData(0x00000077u)]
    [InlineData(0x00002067u)] // jalr with funct3
    [InlineData(0x00002063u)] // branch funct3 010
    [InlineData(0x00007003u)] // load funct3 111
    [InlineData(0x00004023u)] // store funct3 100
    [InlineData(0x00000007u)] // byte-wide float load
    [InlineData(0x00004007u)] // quad float load
    [InlineData(0x00000027u)]
    [InlineData(0x0200101bu)] // slliw with shift bit 5
    [InlineData(0x0200501bu)] // srliw
    [InlineData(0x4200501bu)] // sraiw
    [InlineData(0x04001013u)] // slli with a stray funct bit
    [InlineData(0x40001033u)] // sll with sub's funct7
    [InlineData(0xfe002033u)] // op with a reserved funct7
    [InlineData(0x0200103bu)] // mulh has no word form
    [InlineData(0x0000303bu)]
    [InlineData(0x0000002fu)] // byte-wide AMO
    [InlineData(0x0000402fu)]
    [InlineData(0x1010202fu)] // lr.w with rs2
    [InlineData(0xf800202fu)] // AMO of no known function
    [InlineData(0x00004073u)] // system funct3 100
    [InlineData(0x00200073u)] // uret of old
    [InlineData(0x00000173u)] // ecall with rd
    [InlineData(0x00008073u)]
    [InlineData(0x30200073u)] // mret
    [InlineData(0x7b200073u)] // dret
    [InlineData(0x04000053u)] // format reserved (binary16 is not there)
    [InlineData(0x06000053u)] // binary128
    [InlineData(0x20003053u)] // fsgnj with funct3 011
    [InlineData(0xa0003053u)] // fcmp with funct3 011
    [InlineData(0x58100053u)] // fsqrt with rs2
    [InlineData(0xc0400053u)] // fcvt.*.s with selector 4
    [InlineData(0x40200053u)] // fcvt.s from binary16
    [InlineData(0xe0002053u)] // fclass with funct3 010
    [InlineData(0x00005053u)] // fadd.s with rm 101
    [InlineData(0x02006053u)] // fadd.d with rm 110
    [InlineData(0x00005043u)] // fmadd.s with rm 101
    [InlineData(0x04000043u)] // fmadd of binary16
    [InlineData(0x0000300fu)] // misc-mem funct3 011
    [InlineData(0x0050200fu)] // a cbo of no known function
    [InlineData(0x0000208fu)] // cbo with rd
    public void Reserved_encodings(uint encoding)
    {
        // Of an instruction longer than 32 bits stval may hold any part.
        var isLong = (encoding & 0x1f) == 0x1f;
        ExpectIllegal($".word 0x{encoding:x}", isLong ? null : encoding);
    }

    [Theory]
    [InlineData("csrr a0, mstatus")]
    [InlineData("csrr a0, mvendorid")]
    [InlineData("csrr a0, mhartid")]
    [InlineData("csrw mtvec, a0")]
    [InlineData("csrr a0, 0x7b0")]
    [InlineData("csrr a0, 0x000")]
    [InlineData("csrr a0, 0x5ff")]
    [InlineData("csrr a0, 0x200")]
    [InlineData("csrr a0, 0x600")]
    [InlineData("csrr a0, 0xc80")]
    [InlineData("csrw cycle, x0")]
    [InlineData("csrrs a0, time, a1")]
    [InlineData("csrrc a0, instret, a1")]
    [InlineData("csrrsi a0, cycle, 1")]
    [InlineData("csrrwi a0, cycle, 0")]
    [InlineData("mret")]
    [InlineData("unimp")]
    [InlineData("c.unimp")]
    [InlineData("hfence.vvma")]
    public void Supervisor_cannot(string instruction) => ExpectIllegal(instruction, null);

    [Theory]
    [InlineData("csrr a0, sstatus")]
    [InlineData("csrw sscratch, a0")]
    [InlineData("csrr a0, satp")]
    [InlineData("csrr a0, mhartid")]
    [InlineData("sret")]
    [InlineData("mret")]
    [InlineData("sfence.vma")]
    [InlineData("sinval.vma x0, x0")]
    [InlineData("csrr a0, cycle")]
    [InlineData("csrr a0, time")]
    [InlineData("csrr a0, instret")]
    [InlineData("cbo.zero (sp)")]
    [InlineData("cbo.clean (sp)")]
    [InlineData("cbo.flush (sp)")]
    [InlineData("cbo.inval (sp)")]
    public void User_cannot_unless_allowed(string instruction)
    {
        var lines = $"""
            la sp, scratch
            csrw scounteren, x0
            csrw senvcfg, x0
            {Snippet.ToUser("fault")}
            fault: {instruction}
            """;
        using var snippet = Snippet.Run(lines).ExpectTrap(ExceptionCause.IllegalInstruction);
        Assert.Equal(0ul, snippet.Hart.ReadCsr(0x100) & 0x100);
    }

    [Theory]
    [InlineData("csrr a0, cycle")]
    [InlineData("csrr a0, time")]
    [InlineData("csrr a0, instret")]
    [InlineData("cbo.zero (sp)")]
    [InlineData("cbo.clean (sp)")]
    [InlineData("cbo.flush (sp)")]
    public void User_can_when_allowed(string instruction)
    {
        var lines = $"""
            la sp, scratch
            li t1, 7
            csrw scounteren, t1
            li t1, 0xf0
            csrw senvcfg, t1
            {Snippet.ToUser("user")}
            user: {instruction}
            fault: ecall
            """;
        using var snippet = Snippet.Run(lines).ExpectTrap(ExceptionCause.UserEnvironmentCall);
    }

    /// <summary>Hints, and reserved fields that software must be able to leave set, do nothing.</summary>
    [Theory]
    [InlineData(".half 0x0005")] // c.nop with a constant
    [InlineData(".half 0x4005")] // c.li x0
    [InlineData(".half 0x6005")] // c.lui x0, 1
    [InlineData(".half 0x8016")] // c.mv x0, x5
    [InlineData(".half 0x9016")] // c.add x0, x5
    [InlineData(".half 0x0006")] // c.slli x0, 1
    [InlineData(".half 0x0502")] // c.slli a0, 0
    [InlineData(".half 0x8101")] // c.srli a0, 0
    [InlineData(".half 0x8501")] // c.srai a0, 0
    [InlineData(".half 0x0501")] // c.addi a0, 0
    [InlineData(".word 0x00000013")]
    [InlineData(".word 0x7ff06013")] // prefetch
    [InlineData(".word 0x0ff5800f")] // fence with rs1
    [InlineData(".word 0x0ff0058f")] // fence with rd
    [InlineData(".word 0x1230000f")] // fence with a reserved mode
    [InlineData(".word 0x1235958f")] // fence.i with fields
    [InlineData("pause")]
    [InlineData("fence.tso")]
    [InlineData("sfence.vma")]
    [InlineData("sfence.vma a1, a2")]
    [InlineData("sinval.vma a1, a2")]
    [InlineData("sfence.w.inval")]
    [InlineData("sfence.inval.ir")]
    [InlineData("csrrs a1, cycle, x0")]
    [InlineData("csrrci a1, time, 0")]
    public void Hints_and_ignored_fields_do_nothing(string instruction)
    {
        using var snippet = Snippet.Run($"li a0, 77\n{instruction}").ExpectFinish();
        Assert.Equal(77ul, snippet.A0);
    }

    private static void ExpectIllegal(string statement, uint? encoding)
    {
        var lines = $"""
            li a1, 0
            fault: {statement}
            nop
            nop
            """;
        using var snippet = Snippet.Run(lines).ExpectTrap(
            ExceptionCause.IllegalInstruction, encoding is { } bits ? $"0x{bits:x}" : null);
        Assert.Equal(0x100ul, snippet.Hart.ReadCsr(0x100) & 0x100);
    }
}
