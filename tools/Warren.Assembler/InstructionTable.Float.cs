namespace Warren.Asm;

/// <summary>F and D. The two formats differ in one bit of funct7, in the load and store width and in a few conversions.</summary>
internal static partial class InstructionTable
{
    private const uint OpFp = 0x53;

    private static void AddFloat(Dictionary<string, InstructionForm> forms)
    {
        Add(forms, "flw", 0x2007, Slot.Fd, Slot.LoadOffset);
        Add(forms, "fld", 0x3007, Slot.Fd, Slot.LoadOffset);
        Add(forms, "fsw", 0x2027, Slot.Fs2, Slot.StoreOffset);
        Add(forms, "fsd", 0x3027, Slot.Fs2, Slot.StoreOffset);
        AddFormat(forms, ".s", 0);
        AddFormat(forms, ".d", 1);

        Add(forms, "fcvt.s.d", Funct(OpFp, 0, 0x20) | (1u << 20), Slot.Fd, Slot.Fs1, Slot.Rounding);
        Add(forms, "fcvt.d.s", Funct(OpFp, 0, 0x21), Slot.Fd, Slot.Fs1);
        Add(forms, "fmv.x.w", Funct(OpFp, 0, 0x70), Slot.Rd, Slot.Fs1);
        Add(forms, "fmv.w.x", Funct(OpFp, 0, 0x78), Slot.Fd, Slot.Rs1);
        Add(forms, "fmv.x.d", Funct(OpFp, 0, 0x71), Slot.Rd, Slot.Fs1);
        Add(forms, "fmv.d.x", Funct(OpFp, 0, 0x79), Slot.Fd, Slot.Rs1);
        // The names these moves had before version 2.2 of the specification.
        Add(forms, "fmv.x.s", Funct(OpFp, 0, 0x70), Slot.Rd, Slot.Fs1);
        Add(forms, "fmv.s.x", Funct(OpFp, 0, 0x78), Slot.Fd, Slot.Rs1);
    }

    private static void AddFormat(Dictionary<string, InstructionForm> forms, string suffix, uint format)
    {
        foreach ((var name, var opcode) in (ReadOnlySpan<(string, uint)>)[("fmadd", 0x43), ("fmsub", 0x47), ("fnmsub", 0x4b),
            ("fnmadd", 0x4f)])
        {
            Add(forms, name + suffix, Funct(opcode, 0, format), Slot.Fd, Slot.Fs1, Slot.Fs2, Slot.Fs3, Slot.Rounding);
        }
        foreach ((var name, var funct7) in (ReadOnlySpan<(string, uint)>)[("fadd", 0x00), ("fsub", 0x04), ("fmul", 0x08),
            ("fdiv", 0x0c)])
        {
            Add(forms, name + suffix, Funct(OpFp, 0, funct7 | format), Slot.Fd, Slot.Fs1, Slot.Fs2, Slot.Rounding);
        }
        Add(forms, "fsqrt" + suffix, Funct(OpFp, 0, 0x2c | format), Slot.Fd, Slot.Fs1, Slot.Rounding);
        foreach ((var name, var funct3, var funct7) in (ReadOnlySpan<(string, uint, uint)>)
            [("fsgnj", 0, 0x10), ("fsgnjn", 1, 0x10), ("fsgnjx", 2, 0x10), ("fmin", 0, 0x14), ("fmax", 1, 0x14)])
        {
            Add(forms, name + suffix, Funct(OpFp, funct3, funct7 | format), Slot.Fd, Slot.Fs1, Slot.Fs2);
        }
        foreach ((var name, var funct3) in (ReadOnlySpan<(string, uint)>)[("fle", 0), ("flt", 1), ("feq", 2)])
            Add(forms, name + suffix, Funct(OpFp, funct3, 0x50 | format), Slot.Rd, Slot.Fs1, Slot.Fs2);
        Add(forms, "fclass" + suffix, Funct(OpFp, 1, 0x70 | format), Slot.Rd, Slot.Fs1);

        foreach ((var name, var selector) in (ReadOnlySpan<(string, uint)>)[(".w", 0), (".wu", 1), (".l", 2), (".lu", 3)])
        {
            Add(forms, "fcvt" + name + suffix, Funct(OpFp, 0, 0x60 | format) | (selector << 20), Slot.Rd, Slot.Fs1, Slot.Rounding);
            // A 32-bit integer is exact in a double: GNU as writes rounding mode 0 there, and 7 (dynamic) elsewhere.
            var exact = format == 1 && selector < 2;
            Slot[] slots = exact ? [Slot.Fd, Slot.Rs1] : [Slot.Fd, Slot.Rs1, Slot.Rounding];
            Add(forms, "fcvt" + suffix + name, Funct(OpFp, 0, 0x68 | format) | (selector << 20), slots);
        }
    }
}
