namespace Warren.Asm;

/// <summary>Zicsr, fences, traps, the privileged instructions, cache-block operations, hints.</summary>
internal static partial class InstructionTable
{
    private const uint MiscMem = 0x0f;
    private const uint SystemOp = 0x73;

    private static void AddSystem(Dictionary<string, InstructionForm> forms)
    {
        foreach ((var name, var funct3) in (ReadOnlySpan<(string, uint)>)[("csrrw", 1), ("csrrs", 2), ("csrrc", 3)])
        {
            Add(forms, name, Funct(SystemOp, funct3), Slot.Rd, Slot.Csr, Slot.Rs1);
            Add(forms, name + "i", Funct(SystemOp, funct3 | 4), Slot.Rd, Slot.Csr, Slot.Unsigned5);
        }

        Add(forms, "fence", MiscMem, Slot.FencePredecessor, Slot.FenceSuccessor);
        Add(forms, "fence.tso", 0x8330000f);
        Add(forms, "fence.i", Funct(MiscMem, 1));
        Add(forms, "pause", 0x0100000f);

        Add(forms, "ecall", 0x00000073);
        Add(forms, "ebreak", 0x00100073);
        Add(forms, "wrs.nto", 0x00d00073);
        Add(forms, "wrs.sto", 0x01d00073);
        Add(forms, "sret", 0x10200073);
        Add(forms, "mret", 0x30200073);
        Add(forms, "wfi", 0x10500073);
        Add(forms, "sfence.vma", Funct(SystemOp, 0, 0x09), Slot.OptionalRs1, Slot.OptionalRs2);
        Add(forms, "sinval.vma", Funct(SystemOp, 0, 0x0b), Slot.Rs1, Slot.Rs2);
        Add(forms, "sfence.w.inval", 0x18000073);
        Add(forms, "sfence.inval.ir", 0x18100073);
        Add(forms, "hfence.vvma", Funct(SystemOp, 0, 0x11), Slot.OptionalRs1, Slot.OptionalRs2);
        Add(forms, "hfence.gvma", Funct(SystemOp, 0, 0x31), Slot.OptionalRs1, Slot.OptionalRs2);
        Add(forms, "unimp", 0xc0001073);

        Add(forms, "cbo.inval", 0x0000200f, Slot.Address);
        Add(forms, "cbo.clean", 0x0010200f, Slot.Address);
        Add(forms, "cbo.flush", 0x0020200f, Slot.Address);
        Add(forms, "cbo.zero", 0x0040200f, Slot.Address);
        Add(forms, "prefetch.i", 0x00006013, Slot.PrefetchOffset);
        Add(forms, "prefetch.r", 0x00106013, Slot.PrefetchOffset);
        Add(forms, "prefetch.w", 0x00306013, Slot.PrefetchOffset);
    }
}
