namespace Warren.RiscV.Tests.Differential;

/// <summary>
/// Which encodings RV64GC_Zba_Zbb_Zbs_Zicbom_Zicboz_Zawrs_Svinval defines, written from the opcode listings, apart from the decoder.
/// </summary>
internal static class Legality
{
    /// <summary>True when a 16-bit instruction (low bits not 11) may execute.</summary>
    public static bool IsLegalCompressed(uint word)
    {
        var funct3 = Bits(word, 13, 3);
        var register = Bits(word, 7, 5);
        var bit12 = Bits(word, 12, 1) != 0;
        return (word & 3) switch
        {
            0 => funct3 switch { 0 => Bits(word, 5, 8) != 0, 4 => false, _ => true },
            1 => funct3 switch
            {
                1 => register != 0,
                3 => bit12 || Bits(word, 2, 5) != 0,
                4 => Bits(word, 10, 2) != 3 || !bit12 || Bits(word, 6, 1) == 0,
                _ => true,
            },
            _ => funct3 switch
            {
                2 or 3 => register != 0,
                4 => bit12 || register != 0 || Bits(word, 2, 5) != 0,
                _ => true,
            },
        };
    }

    /// <summary>
    /// True when a 32-bit instruction, other than a CSR access, may execute in S mode with a valid dynamic rounding mode.
    /// </summary>
    public static bool IsLegal(uint word)
    {
        var funct3 = Bits(word, 12, 3);
        var funct7 = Bits(word, 25, 7);
        return (word & 0x7f) switch
        {
            0x37 or 0x17 or 0x6f => true,
            0x67 => funct3 == 0,
            0x63 => funct3 is not (2 or 3),
            0x03 => funct3 != 7,
            0x23 => funct3 <= 3,
            0x13 => funct3 is not (1 or 5) || IsShift(Bits(word, 20, 12), funct3),
            0x1b => IsWordImmediate(Bits(word, 20, 12), funct3),
            0x33 => IsRegister(funct3, funct7),
            0x3b => IsWordRegister(funct3, funct7, Bits(word, 20, 5)),
            0x0f => funct3 <= 1 || (funct3 == 2 && Bits(word, 7, 5) == 0 && Bits(word, 20, 12) is (0 or 1 or 2 or 4)),
            0x2f => funct3 is 2 or 3 && IsAtomic(Bits(word, 27, 5), Bits(word, 20, 5)),
            0x07 or 0x27 => funct3 is 2 or 3,
            0x43 or 0x47 or 0x4b or 0x4f => (funct7 & 3) < 2 && IsRounding(funct3),
            0x53 => (funct7 & 3) < 2 && IsFloat(funct7 >> 2, funct7 & 3, Bits(word, 20, 5), funct3),
            0x73 => IsSystem(word),
            _ => false,
        };
    }

    private static bool IsShift(uint immediate, uint funct3)
    {
        var funct6 = immediate >> 6;
        return funct3 == 1
            ? funct6 is 0b000000 or 0b001010 or 0b010010 or 0b011010 || immediate is 0x600 or 0x601 or 0x602 or 0x604 or 0x605
            : funct6 is 0b000000 or 0b010000 or 0b011000 or 0b010010 || immediate is 0x287 or 0x6b8;
    }

    private static bool IsWordImmediate(uint immediate, uint funct3) => funct3 switch
    {
        0 => true,
        1 => immediate >> 5 == 0 || immediate >> 6 == 0b000010 || immediate is 0x600 or 0x601 or 0x602,
        5 => immediate >> 5 is 0 or 0x20 or 0x30,
        _ => false,
    };

    private static bool IsRegister(uint funct3, uint funct7) => funct7 switch
    {
        0x00 or 0x01 => true,
        0x20 => funct3 is 0 or 4 or 5 or 6 or 7,
        0x10 => funct3 is 2 or 4 or 6,
        0x05 => funct3 >= 4,
        0x30 or 0x24 => funct3 is 1 or 5,
        0x34 or 0x14 => funct3 == 1,
        _ => false,
    };

    private static bool IsWordRegister(uint funct3, uint funct7, uint rs2) => funct7 switch
    {
        0x00 => funct3 is 0 or 1 or 5,
        0x20 => funct3 is 0 or 5,
        0x01 => funct3 is 0 or >= 4,
        0x10 => funct3 is 2 or 4 or 6,
        0x04 => funct3 == 0 || (funct3 == 4 && rs2 == 0),
        0x30 => funct3 is 1 or 5,
        _ => false,
    };

    private static bool IsAtomic(uint funct5, uint rs2)
        => funct5 is 0 or 1 or 3 or 4 or 8 or 12 or 16 or 20 or 24 or 28 || (funct5 == 2 && rs2 == 0);

    private static bool IsRounding(uint funct3) => funct3 is not (5 or 6);

    private static bool IsFloat(uint function, uint format, uint rs2, uint funct3) => function switch
    {
        0x00 or 0x01 or 0x02 or 0x03 => IsRounding(funct3),
        0x04 => funct3 <= 2,
        0x05 => funct3 <= 1,
        0x08 => rs2 == 1 - format && IsRounding(funct3),
        0x0b => rs2 == 0 && IsRounding(funct3),
        0x14 => funct3 <= 2,
        0x18 or 0x1a => rs2 <= 3 && IsRounding(funct3),
        0x1c => rs2 == 0 && funct3 <= 1,
        0x1e => rs2 == 0 && funct3 == 0,
        _ => false,
    };

    private static bool IsSystem(uint word)
    {
        var takesAddressSpace = (word & 0x7fff) == 0x73 && Bits(word, 25, 7) is (0x09 or 0x0b);
        return takesAddressSpace || word is 0x00000073 or 0x00100073 or 0x10200073 or 0x10500073 or 0x18000073 or 0x18100073
                or 0x00d00073 or 0x01d00073;
    }

    private static uint Bits(uint word, int from, int count) => (word >> from) & ((1u << count) - 1);
}
