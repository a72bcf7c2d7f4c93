namespace Warren.Asm;

/// <summary>
/// Under <c>.option rvc</c>: the 16-bit form of a 32-bit instruction that has one. Branches and jumps stay 32 bits wide,
/// since their distance is not known when their size must be.
/// </summary>
internal static class Compressor
{
    public static bool TryCompress(uint word, out ushort half)
    {
        half = (ushort)Compress(word);
        return half != 0;
    }

    private static uint Compress(uint w)
    {
        var rd = (w >> 7) & 31;
        var funct3 = (w >> 12) & 7;
        var rs1 = (w >> 15) & 31;
        var rs2 = (w >> 20) & 31;
        long imm = (int)w >> 20;
        var store = (imm & ~31L) | rd;
        return (w & 0x7f) switch
        {
            0x13 => OpImmediate(funct3, rd, rs1, imm),
            0x1b when funct3 == 0 && rd == rs1 && rd != 0 && Fits6(imm) => 0x2001 | (rd << 7) | Immediate.CSigned6(imm),
            0x37 => LoadUpper(rd, (int)w >> 12),
            0x33 or 0x3b => Register(w, rd, rs1, rs2),
            0x03 when rd != 0 && funct3 == 2 =>
                Memory(rs1, imm, 4, 0x4002 | (rd << 7) | Immediate.CLoadWordSp(imm), 0x4000 | Low(rd, 2) | Immediate.CWord(imm), rd),
            0x03 when rd != 0 && funct3 == 3 =>
                Memory(rs1, imm, 8, 0x6002 | (rd << 7) | Immediate.CLoadDoubleSp(imm), 0x6000 | Low(rd, 2) | Immediate.CDouble(imm), rd),
            0x07 when funct3 == 3 =>
                Memory(rs1, imm, 8, 0x2002 | (rd << 7) | Immediate.CLoadDoubleSp(imm), 0x2000 | Low(rd, 2) | Immediate.CDouble(imm), rd),
            0x23 when funct3 == 2 =>
                Memory(rs1, store, 4, 0xc002 | (rs2 << 2) | Immediate.CStoreWordSp(store), 0xc000 | Low(rs2, 2) | Immediate.CWord(store),
                    rs2),
            0x23 when funct3 == 3 =>
                Memory(rs1, store, 8, 0xe002 | (rs2 << 2) | Immediate.CStoreDoubleSp(store),
                    0xe000 | Low(rs2, 2) | Immediate.CDouble(store), rs2),
            0x27 when funct3 == 3 =>
                Memory(rs1, store, 8, 0xa002 | (rs2 << 2) | Immediate.CStoreDoubleSp(store),
                    0xa000 | Low(rs2, 2) | Immediate.CDouble(store), rs2),
            0x67 when funct3 == 0 && imm == 0 && rs1 != 0 && rd <= 1 => (rd == 0 ? 0x8002u : 0x9002u) | (rs1 << 7),
            0x73 when w == 0x00100073 => 0x9002,
            _ => 0,
        };
    }

    private static uint OpImmediate(uint funct3, uint rd, uint rs1, long imm)
    {
        if (funct3 == 0)
            return AddImmediate(rd, rs1, imm);
        var shift = imm & 63;
        if (rd != rs1 || rd == 0)
            return 0;
        return funct3 switch
        {
            1 when imm >> 6 == 0 && shift != 0 => 0x0002 | (rd << 7) | Immediate.CSigned6(shift),
            5 when imm >> 6 == 0 && shift != 0 && Is3(rd) => 0x8001 | Low(rd, 7) | Immediate.CSigned6(shift),
            5 when imm >> 6 == 0x10 && shift != 0 && Is3(rd) => 0x8401 | Low(rd, 7) | Immediate.CSigned6(shift),
            7 when Fits6(imm) && Is3(rd) => 0x8801 | Low(rd, 7) | Immediate.CSigned6(imm),
            _ => 0,
        };
    }

    private static uint AddImmediate(uint rd, uint rs1, long imm)
    {
        if (rd == 0)
            return rs1 == 0 && imm == 0 ? 0x0001u : 0;
        if (rs1 == 0)
            return Fits6(imm) ? 0x4001 | (rd << 7) | Immediate.CSigned6(imm) : 0;
        if (imm == 0)
            return 0x8002 | (rd << 7) | (rs1 << 2);
        if (rd == rs1 && Fits6(imm))
            return 0x0001 | (rd << 7) | Immediate.CSigned6(imm);
        if (rd == 2 && rs1 == 2 && imm is >= -512 and <= 496 && (imm & 15) == 0)
            return 0x6101 | Immediate.CAddi16Sp(imm);
        return rs1 == 2 && Is3(rd) && imm is > 0 and <= 1020 && (imm & 3) == 0 ? Low(rd, 2) | Immediate.CAddi4Spn(imm) : 0;
    }

    private static uint LoadUpper(uint rd, long imm) =>
        rd is not (0 or 2) && imm != 0 && Fits6(imm) ? 0x6001 | (rd << 7) | Immediate.CSigned6(imm) : 0;

    private static uint Register(uint w, uint rd, uint rs1, uint rs2)
    {
        var key = w & 0xfe00707f;
        if (key == 0x33 && rd != 0)
        {
            if (rs1 == 0 && rs2 != 0)
                return 0x8002 | (rd << 7) | (rs2 << 2);
            if (rd == rs1 && rs2 != 0)
                return 0x9002 | (rd << 7) | (rs2 << 2);
            if (rd == rs2 && rs1 != 0)
                return 0x9002 | (rd << 7) | (rs1 << 2);
        }
        (var match, var commutes) = key switch
        {
            0x40000033 => (0x8c01u, false),
            0x00004033 => (0x8c21u, true),
            0x00006033 => (0x8c41u, true),
            0x00007033 => (0x8c61u, true),
            0x4000003b => (0x9c01u, false),
            0x0000003b => (0x9c21u, true),
            _ => (0u, false),
        };
        if (match == 0 || !Is3(rd) || !Is3(rs1) || !Is3(rs2))
            return 0;
        if (rd == rs1)
            return match | Low(rd, 7) | Low(rs2, 2);
        return commutes && rd == rs2 ? match | Low(rd, 7) | Low(rs1, 2) : 0;
    }

    private static uint Memory(uint rs1, long offset, int size, uint stackForm, uint form, uint data)
    {
        if (offset < 0 || offset % size != 0)
            return 0;
        if (rs1 == 2 && offset < 64 * size)
            return stackForm;
        return Is3(rs1) && Is3(data) && offset < 32 * size ? form | Low(rs1, 7) : 0;
    }

    private static bool Fits6(long value) => value is >= -32 and <= 31;

    private static bool Is3(uint register) => register is >= 8 and <= 15;

    private static uint Low(uint register, int shift) => (register & 7) << shift;
}
