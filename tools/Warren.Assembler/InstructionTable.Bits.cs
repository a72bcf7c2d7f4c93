namespace Warren.Asm;

/// <summary>Zba, Zbb, Zbc, Zbs, Zicond.</summary>
internal static partial class InstructionTable
{
    private static void AddBits(Dictionary<string, InstructionForm> forms)
    {
        // Zba
        AddRegister(forms, Op, 0x10, [("sh1add", 2), ("sh2add", 4), ("sh3add", 6)]);
        AddRegister(forms, Op32, 0x10, [("sh1add.uw", 2), ("sh2add.uw", 4), ("sh3add.uw", 6)]);
        AddRegister(forms, Op32, 0x04, [("add.uw", 0)]);
        Add(forms, "slli.uw", Funct(OpImm32, 1, 0x04), Slot.Rd, Slot.Rs1, Slot.Shift6);

        // Zbb
        AddRegister(forms, Op, 0x20, [("xnor", 4), ("orn", 6), ("andn", 7)]);
        AddRegister(forms, Op, 0x05, [("min", 4), ("minu", 5), ("max", 6), ("maxu", 7)]);
        AddRegister(forms, Op, 0x30, [("rol", 1), ("ror", 5)]);
        AddRegister(forms, Op32, 0x30, [("rolw", 1), ("rorw", 5)]);
        Add(forms, "rori", Funct(OpImm, 5, 0x30), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "roriw", Funct(OpImm32, 5, 0x30), Slot.Rd, Slot.Rs1, Slot.Shift5);
        foreach ((var name, var selector) in (ReadOnlySpan<(string, uint)>)[("clz", 0), ("ctz", 1), ("cpop", 2), ("sext.b", 4),
            ("sext.h", 5)])
        {
            AddUnary(forms, name, OpImm, 1, 0x600 | selector);
        }
        foreach ((var name, var selector) in (ReadOnlySpan<(string, uint)>)[("clzw", 0), ("ctzw", 1), ("cpopw", 2)])
            AddUnary(forms, name, OpImm32, 1, 0x600 | selector);
        AddUnary(forms, "zext.h", Op32, 4, 0x080);
        AddUnary(forms, "orc.b", OpImm, 5, 0x287);
        AddUnary(forms, "rev8", OpImm, 5, 0x6b8);

        // Zbc
        AddRegister(forms, Op, 0x05, [("clmul", 1), ("clmulr", 2), ("clmulh", 3)]);

        // Zbs
        AddRegister(forms, Op, 0x24, [("bclr", 1), ("bext", 5)]);
        AddRegister(forms, Op, 0x34, [("binv", 1)]);
        AddRegister(forms, Op, 0x14, [("bset", 1)]);
        Add(forms, "bclri", Funct(OpImm, 1, 0x24), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "bexti", Funct(OpImm, 5, 0x24), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "binvi", Funct(OpImm, 1, 0x34), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "bseti", Funct(OpImm, 1, 0x14), Slot.Rd, Slot.Rs1, Slot.Shift6);

        // Zicond
        AddRegister(forms, Op, 0x07, [("czero.eqz", 5), ("czero.nez", 7)]);
    }

    /// <summary>An instruction of one source whose upper twelve bits are all opcode.</summary>
    private static void AddUnary(Dictionary<string, InstructionForm> forms, string name, uint opcode, uint funct3, uint upper12) =>
        Add(forms, name, Funct(opcode, funct3) | (upper12 << 20), Slot.Rd, Slot.Rs1);
}
