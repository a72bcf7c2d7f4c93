namespace Warren.Asm;

/// <summary>RV64C and D's compressed loads and stores, under their explicit <c>c.</c> mnemonics.</summary>
internal static partial class InstructionTable
{
    private static void AddCompressed(Dictionary<string, InstructionForm> forms)
    {
        // Quadrant 0
        Add(forms, "c.unimp", 0x0000);
        Add(forms, "c.addi4spn", 0x0000, Slot.CRd3, Slot.StackPointer, Slot.CAddi4Spn);
        Add(forms, "c.fld", 0x2000, Slot.CFd3, Slot.CLoadDouble);
        Add(forms, "c.lw", 0x4000, Slot.CRd3, Slot.CLoadWord);
        Add(forms, "c.ld", 0x6000, Slot.CRd3, Slot.CLoadDouble);
        Add(forms, "c.fsd", 0xa000, Slot.CFs2Low3, Slot.CLoadDouble);
        Add(forms, "c.sw", 0xc000, Slot.CRs2Low3, Slot.CLoadWord);
        Add(forms, "c.sd", 0xe000, Slot.CRs2Low3, Slot.CLoadDouble);

        // Quadrant 1
        Add(forms, "c.nop", 0x0001);
        Add(forms, "c.addi", 0x0001, Slot.Rd, Slot.CSigned6);
        Add(forms, "c.addiw", 0x2001, Slot.Rd, Slot.CSigned6);
        Add(forms, "c.li", 0x4001, Slot.Rd, Slot.CSigned6);
        Add(forms, "c.addi16sp", 0x6101, Slot.StackPointer, Slot.CAddi16Sp);
        Add(forms, "c.lui", 0x6001, Slot.Rd, Slot.CUpper6);
        Add(forms, "c.srli", 0x8001, Slot.CRs1High3, Slot.CShift6);
        Add(forms, "c.srai", 0x8401, Slot.CRs1High3, Slot.CShift6);
        Add(forms, "c.andi", 0x8801, Slot.CRs1High3, Slot.CSigned6);
        foreach ((var name, var match) in (ReadOnlySpan<(string, uint)>)
            [("c.sub", 0x8c01), ("c.xor", 0x8c21), ("c.or", 0x8c41), ("c.and", 0x8c61), ("c.subw", 0x9c01), ("c.addw", 0x9c21)])
        {
            Add(forms, name, match, Slot.CRs1High3, Slot.CRs2Low3);
        }
        Add(forms, "c.j", 0xa001, Slot.CJumpTarget);
        Add(forms, "c.beqz", 0xc001, Slot.CRs1High3, Slot.CBranchTarget);
        Add(forms, "c.bnez", 0xe001, Slot.CRs1High3, Slot.CBranchTarget);

        // Quadrant 2
        Add(forms, "c.slli", 0x0002, Slot.Rd, Slot.CShift6);
        Add(forms, "c.fldsp", 0x2002, Slot.Fd, Slot.CLoadDoubleSp);
        Add(forms, "c.lwsp", 0x4002, Slot.Rd, Slot.CLoadWordSp);
        Add(forms, "c.ldsp", 0x6002, Slot.Rd, Slot.CLoadDoubleSp);
        Add(forms, "c.jr", 0x8002, Slot.RdRs1);
        Add(forms, "c.mv", 0x8002, Slot.Rd, Slot.CRs2);
        Add(forms, "c.ebreak", 0x9002);
        Add(forms, "c.jalr", 0x9002, Slot.RdRs1);
        Add(forms, "c.add", 0x9002, Slot.Rd, Slot.CRs2);
        Add(forms, "c.fsdsp", 0xa002, Slot.CFs2, Slot.CStoreDoubleSp);
        Add(forms, "c.swsp", 0xc002, Slot.CRs2, Slot.CStoreWordSp);
        Add(forms, "c.sdsp", 0xe002, Slot.CRs2, Slot.CStoreDoubleSp);
    }
}
