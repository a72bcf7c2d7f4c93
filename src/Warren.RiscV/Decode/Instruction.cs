namespace Warren.RiscV.Decode;

/// <summary>A 32-bit instruction's fields (unprivileged manual, "Base Instruction Formats").</summary>
internal readonly struct Instruction(uint bits)
{
    internal readonly uint Bits = bits;

    internal int Opcode => (int)(Bits >> 2 & 0x1f);

    internal byte Rd => (byte)(Bits >> 7 & 0x1f);

    internal int Funct3 => (int)(Bits >> 12 & 7);

    internal byte Rs1 => (byte)(Bits >> 15 & 0x1f);

    internal byte Rs2 => (byte)(Bits >> 20 & 0x1f);

    internal byte Rs3 => (byte)(Bits >> 27);

    internal int ImmediateI => (int)Bits >> 20;

    internal int ImmediateS => (int)Bits >> 25 << 5 | (int)(Bits >> 7 & 0x1f);

    internal int ImmediateB => (int)Bits >> 31 << 12 | (int)(Bits << 4 & 0x800) | (int)(Bits >> 20 & 0x7e0) | (int)(Bits >> 7 & 0x1e);

    internal int ImmediateU => (int)(Bits & 0xffff_f000);

    internal int ImmediateJ => (int)Bits >> 31 << 20 | (int)(Bits & 0xf_f000) | (int)(Bits >> 9 & 0x800) | (int)(Bits >> 20 & 0x7fe);

    /// <summary>Six bits on RV64; the decoder's masks keep W shifts to five.</summary>
    internal int Shift => (int)(Bits >> 20 & 0x3f);
}
