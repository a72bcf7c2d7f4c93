using System.Buffers.Binary;

namespace Warren.Asm.Tests;

/// <summary>Encodings worked out by hand from the specification's formats: they hold where no peer is installed.</summary>
public class GoldenEncodingTests
{
    [Theory]
    [InlineData("add a0, a1, a2", 0x00c58533)]
    [InlineData("addi sp, sp, -16", 0xff010113)]
    [InlineData("lui a0, 0xfffff", 0xfffff537)]
    [InlineData("ld ra, 8(sp)", 0x00813083)]
    [InlineData("sd s0, -24(sp)", 0xfe813423)]
    [InlineData("beq a0, a1, .-4", 0xfeb50ee3)]
    [InlineData("jal ra, .+2048", 0x001000ef)]
    [InlineData("jalr zero, 0(ra)", 0x00008067)]
    [InlineData("srai a0, a0, 63", 0x43f55513)]
    [InlineData("sraiw a0, a0, 31", 0x41f5551b)]
    [InlineData("mulhsu t0, t1, t2", 0x027322b3)]
    [InlineData("lr.d.aqrl a0, (a1)", 0x1605b52f)]
    [InlineData("sc.w.rl a0, a2, (a1)", 0x1ac5a52f)]
    [InlineData("amomaxu.d a0, a2, (a1)", 0xe0c5b52f)]
    [InlineData("csrrw a0, satp, a1", 0x18059573)]
    [InlineData("csrrci zero, sstatus, 2", 0x10017073)]
    [InlineData("csrw stimecmp, a0", 0x14d51073)]
    [InlineData("fence rw, w", 0x0310000f)]
    [InlineData("fence.i", 0x0000100f)]
    [InlineData("sfence.vma a0, a1", 0x12b50073)]
    [InlineData("sinval.vma a0, a1", 0x16b50073)]
    [InlineData("wfi", 0x10500073)]
    [InlineData("sret", 0x10200073)]
    [InlineData("mret", 0x30200073)]
    [InlineData("ecall", 0x00000073)]
    [InlineData("cbo.zero (a0)", 0x0045200f)]
    [InlineData("sh3add a0, a1, a2", 0x20c5e533)]
    [InlineData("rev8 a0, a1", 0x6b85d513)]
    [InlineData("bexti a0, a1, 63", 0x4bf5d513)]
    [InlineData("czero.nez a0, a1, a2", 0x0ec5f533)]
    [InlineData("fadd.s fa0, fa1, fa2, rtz", 0x00c59553)]
    [InlineData("fmadd.d fa0, fa1, fa2, fa3", 0x6ac5f543)]
    [InlineData("fcvt.lu.d a0, fa1, rdn", 0xc235a553)]
    [InlineData("fclass.d a0, fa1", 0xe2059553)]
    [InlineData("fsd fs0, 16(sp)", 0x00813827)]
    [InlineData(".word 0x12345678", 0x12345678)]
    public void Words(string source, uint expected) =>
        Assert.Equal(expected, BinaryPrimitives.ReadUInt32LittleEndian(Assembler.Assemble(source).Bytes));

    [Theory]
    [InlineData("c.nop", 0x0001)]
    [InlineData("c.addi a0, -1", 0x157d)]
    [InlineData("c.li t0, 5", 0x4295)]
    [InlineData("c.lui a0, 0xfffe1", 0x7505)]
    [InlineData("c.addi16sp sp, -64", 0x7139)]
    [InlineData("c.addi4spn a0, sp, 16", 0x0808)]
    [InlineData("c.ldsp ra, 8(sp)", 0x60a2)]
    [InlineData("c.sdsp s0, 0(sp)", 0xe022)]
    [InlineData("c.ld a0, 8(a1)", 0x6588)]
    [InlineData("c.sw a2, 4(a1)", 0xc1d0)]
    [InlineData("c.mv a0, a1", 0x852e)]
    [InlineData("c.jr ra", 0x8082)]
    [InlineData("c.ebreak", 0x9002)]
    [InlineData("c.j .", 0xa001)]
    [InlineData("c.beqz a0, .+4", 0xc111)]
    public void Halves(string source, ushort expected)
    {
        var bytes = Assembler.Assemble(source).Bytes;
        Assert.Equal(2, bytes.Length);
        Assert.Equal(expected, BinaryPrimitives.ReadUInt16LittleEndian(bytes));
    }

    [Fact]
    public void Compression_is_off_unless_asked_for()
    {
        Assert.Equal(4, Assembler.Assemble("addi a0, a0, 1").Bytes.Length);
        Assert.Equal(2, Assembler.Assemble("addi a0, a0, 1", new AssemblerOptions { Compress = true }).Bytes.Length);
        Assert.Equal(2 + 4, Assembler.Assemble(".option push\n.option rvc\nret\n.option pop\nret").Bytes.Length);
    }

    [Fact]
    public void Explicit_forms_are_what_compression_yields()
    {
        Assert.Equal(Assembler.Assemble("c.add a0, a1\nc.ld a0, 0(a1)\nc.srai a0, 3").ToArray(),
            Assembler.Assemble("add a0, a0, a1\nld a0, 0(a1)\nsrai a0, a0, 3", new AssemblerOptions { Compress = true }).ToArray());
    }
}
