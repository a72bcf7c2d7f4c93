namespace Warren.RiscV.Decode;

/// <summary>
/// The C extension for RV64 (unprivileged manual, "RVC Instruction Set Listings"): every 16-bit instruction is the short form of a
/// 32-bit one, and decoding is expansion. Floating-point loads and stores included; they are refused later where D is absent.
/// </summary>
internal static class Compressed
{
    private const uint Load = 0x03;
    private const uint LoadFloat = 0x07;
    private const uint OpImm = 0x13;
    private const uint OpImm32 = 0x1b;
    private const uint Store = 0x23;
    private const uint StoreFloat = 0x27;
    private const uint OpReg = 0x33;
    private const uint Lui = 0x37;
    private const uint OpReg32 = 0x3b;
    private const uint Branch = 0x63;
    private const uint Jalr = 0x67;
    private const uint Jal = 0x6f;
    private const uint Ebreak = 0x0010_0073;

    /// <summary>The 32-bit instruction that <paramref name="c"/> stands for, or 0 (which is illegal) for a reserved encoding.</summary>
    internal static uint Expand(uint c) => (c & 3) switch
    {
        0 => Quadrant0(c),
        1 => Quadrant1(c),
        2 => Quadrant2(c),
        _ => 0,
    };

    private static uint Quadrant0(uint c)
    {
        var rd = 8 + Bits(c, 2, 3);
        var rs1 = 8 + Bits(c, 7, 3);
        var word = Bits(c, 10, 3) << 3 | Bits(c, 6, 1) << 2 | Bits(c, 5, 1) << 6;
        var doubleword = Bits(c, 10, 3) << 3 | Bits(c, 5, 2) << 6;
        switch (c >> 13)
        {
            case 0: // C.ADDI4SPN
                var imm = Bits(c, 11, 2) << 4 | Bits(c, 7, 4) << 6 | Bits(c, 6, 1) << 2 | Bits(c, 5, 1) << 3;
                return imm == 0 ? 0 : TypeI(OpImm, 0, rd, 2, imm);
            case 1: // C.FLD
                return TypeI(LoadFloat, 3, rd, rs1, doubleword);
            case 2: // C.LW
                return TypeI(Load, 2, rd, rs1, word);
            case 3: // C.LD
                return TypeI(Load, 3, rd, rs1, doubleword);
            case 5: // C.FSD
                return TypeS(StoreFloat, 3, rs1, rd, doubleword);
            case 6: // C.SW
                return TypeS(Store, 2, rs1, rd, word);
            case 7: // C.SD
                return TypeS(Store, 3, rs1, rd, doubleword);
            default:
                return 0;
        }
    }

    private static uint Quadrant1(uint c)
    {
        var rd = Bits(c, 7, 5);
        var imm = Signed(Bits(c, 12, 1) << 5 | Bits(c, 2, 5), 6);
        switch (c >> 13)
        {
            case 0: // C.ADDI, C.NOP
                return TypeI(OpImm, 0, rd, rd, imm);
            case 1: // C.ADDIW
                return rd == 0 ? 0 : TypeI(OpImm32, 0, rd, rd, imm);
            case 2: // C.LI
                return TypeI(OpImm, 0, rd, 0, imm);
            case 3 when rd == 2: // C.ADDI16SP
                imm = Signed(Bits(c, 12, 1) << 9 | Bits(c, 6, 1) << 4 | Bits(c, 5, 1) << 6 | Bits(c, 3, 2) << 7 | Bits(c, 2, 1) << 5, 10);
                return imm == 0 ? 0 : TypeI(OpImm, 0, 2, 2, imm);
            case 3: // C.LUI
                return imm == 0 ? 0 : imm << 12 | rd << 7 | Lui;
            case 4:
                return Arithmetic(c, imm);
            case 5: // C.J
                var offset = Signed(
                    Bits(c, 12, 1) << 11 | Bits(c, 11, 1) << 4 | Bits(c, 9, 2) << 8 | Bits(c, 8, 1) << 10 | Bits(c, 7, 1) << 6
                    | Bits(c, 6, 1) << 7 | Bits(c, 3, 3) << 1 | Bits(c, 2, 1) << 5,
                    12);
                return Bits(offset, 20, 1) << 31 | Bits(offset, 1, 10) << 21 | Bits(offset, 11, 1) << 20 | Bits(offset, 12, 8) << 12 | Jal;
            default: // C.BEQZ, C.BNEZ
                var to =
                    Signed(Bits(c, 12, 1) << 8 | Bits(c, 10, 2) << 3 | Bits(c, 5, 2) << 6 | Bits(c, 3, 2) << 1 | Bits(c, 2, 1) << 5, 9);
                return Bits(to, 12, 1) << 31 | Bits(to, 5, 6) << 25 | (8 + Bits(c, 7, 3)) << 15 | (c >> 13 & 1) << 12
                    | Bits(to, 1, 4) << 8 | Bits(to, 11, 1) << 7 | Branch;
        }
    }

    private static uint Arithmetic(uint c, uint imm)
    {
        var rd = 8 + Bits(c, 7, 3);
        var rs2 = 8 + Bits(c, 2, 3);
        switch (Bits(c, 10, 2))
        {
            case 0: // C.SRLI
                return TypeI(OpImm, 5, rd, rd, imm & 0x3f);
            case 1: // C.SRAI
                return TypeI(OpImm, 5, rd, rd, 0x400 | (imm & 0x3f));
            case 2: // C.ANDI
                return TypeI(OpImm, 7, rd, rd, imm);
        }

        return (Bits(c, 12, 1) << 2 | Bits(c, 5, 2)) switch
        {
            0 => TypeR(OpReg, 0, rd, rd, rs2, 0x20), // C.SUB
            1 => TypeR(OpReg, 4, rd, rd, rs2, 0), // C.XOR
            2 => TypeR(OpReg, 6, rd, rd, rs2, 0), // C.OR
            3 => TypeR(OpReg, 7, rd, rd, rs2, 0), // C.AND
            4 => TypeR(OpReg32, 0, rd, rd, rs2, 0x20), // C.SUBW
            5 => TypeR(OpReg32, 0, rd, rd, rs2, 0), // C.ADDW
            _ => 0,
        };
    }

    private static uint Quadrant2(uint c)
    {
        var rd = Bits(c, 7, 5);
        var rs2 = Bits(c, 2, 5);
        var loadDouble = Bits(c, 12, 1) << 5 | Bits(c, 5, 2) << 3 | Bits(c, 2, 3) << 6;
        var storeDouble = Bits(c, 10, 3) << 3 | Bits(c, 7, 3) << 6;
        switch (c >> 13)
        {
            case 0: // C.SLLI
                return TypeI(OpImm, 1, rd, rd, Bits(c, 12, 1) << 5 | rs2);
            case 1: // C.FLDSP
                return TypeI(LoadFloat, 3, rd, 2, loadDouble);
            case 2: // C.LWSP
                return rd == 0 ? 0 : TypeI(Load, 2, rd, 2, Bits(c, 12, 1) << 5 | Bits(c, 4, 3) << 2 | Bits(c, 2, 2) << 6);
            case 3: // C.LDSP
                return rd == 0 ? 0 : TypeI(Load, 3, rd, 2, loadDouble);
            case 4:
                var high = Bits(c, 12, 1) != 0;
                if (rs2 != 0)
                {
                    return TypeR(OpReg, 0, rd, high ? rd : 0, rs2, 0); // C.ADD, C.MV
                }

                return rd != 0 ? TypeI(Jalr, 0, high ? 1u : 0, rd, 0) // C.JALR, C.JR
                    : high ? Ebreak : 0;
            case 5: // C.FSDSP
                return TypeS(StoreFloat, 3, 2, rs2, storeDouble);
            case 6: // C.SWSP
                return TypeS(Store, 2, 2, rs2, Bits(c, 9, 4) << 2 | Bits(c, 7, 2) << 6);
            default: // C.SDSP
                return TypeS(Store, 3, 2, rs2, storeDouble);
        }
    }

    private static uint Bits(uint value, int low, int count) => value >> low & ((1u << count) - 1);

    private static uint Signed(uint value, int bits) => (uint)((int)(value << (32 - bits)) >> (32 - bits));

    private static uint TypeR(uint opcode, uint funct3, uint rd, uint rs1, uint rs2, uint funct7)
        => funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;

    private static uint TypeI(uint opcode, uint funct3, uint rd, uint rs1, uint imm)
        => imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;

    private static uint TypeS(uint opcode, uint funct3, uint rs1, uint rs2, uint imm)
        => (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 0x1f) << 7 | opcode;
}
