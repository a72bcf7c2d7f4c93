namespace Warren.Asm;

/// <summary>RV64I, M, A.</summary>
internal static partial class InstructionTable
{
    private const uint Load = 0x03;
    private const uint OpImm = 0x13;
    private const uint OpImm32 = 0x1b;
    private const uint Store = 0x23;
    private const uint Amo = 0x2f;
    private const uint Op = 0x33;
    private const uint Op32 = 0x3b;
    private const uint Branch = 0x63;

    private static void AddInteger(Dictionary<string, InstructionForm> forms)
    {
        Add(forms, "lui", 0x37, Slot.Rd, Slot.Upper20);
        Add(forms, "auipc", 0x17, Slot.Rd, Slot.Upper20);
        Add(forms, "jal", 0x6f, Slot.Rd, Slot.JumpTarget);
        Add(forms, "jalr", 0x67, Slot.Rd, Slot.LoadOffset);

        foreach ((var name, var funct3) in (ReadOnlySpan<(string, uint)>)[("beq", 0), ("bne", 1), ("blt", 4), ("bge", 5), ("bltu", 6),
            ("bgeu", 7)])
        {
            Add(forms, name, Funct(Branch, funct3), Slot.Rs1, Slot.Rs2, Slot.BranchTarget);
        }
        foreach ((var name, var funct3) in (ReadOnlySpan<(string, uint)>)[("lb", 0), ("lh", 1), ("lw", 2), ("ld", 3), ("lbu", 4),
            ("lhu", 5), ("lwu", 6)])
        {
            Add(forms, name, Funct(Load, funct3), Slot.Rd, Slot.LoadOffset);
        }
        foreach ((var name, var funct3) in (ReadOnlySpan<(string, uint)>)[("sb", 0), ("sh", 1), ("sw", 2), ("sd", 3)])
            Add(forms, name, Funct(Store, funct3), Slot.Rs2, Slot.StoreOffset);

        foreach ((var name, var funct3) in (ReadOnlySpan<(string, uint)>)[("addi", 0), ("slti", 2), ("sltiu", 3), ("xori", 4),
            ("ori", 6), ("andi", 7)])
        {
            Add(forms, name, Funct(OpImm, funct3), Slot.Rd, Slot.Rs1, Slot.Signed12);
        }
        Add(forms, "addiw", Funct(OpImm32, 0), Slot.Rd, Slot.Rs1, Slot.Signed12);
        Add(forms, "slli", Funct(OpImm, 1), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "srli", Funct(OpImm, 5), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "srai", Funct(OpImm, 5, 0x20), Slot.Rd, Slot.Rs1, Slot.Shift6);
        Add(forms, "slliw", Funct(OpImm32, 1), Slot.Rd, Slot.Rs1, Slot.Shift5);
        Add(forms, "srliw", Funct(OpImm32, 5), Slot.Rd, Slot.Rs1, Slot.Shift5);
        Add(forms, "sraiw", Funct(OpImm32, 5, 0x20), Slot.Rd, Slot.Rs1, Slot.Shift5);

        AddRegister(forms, Op, 0, [("add", 0), ("sll", 1), ("slt", 2), ("sltu", 3), ("xor", 4), ("srl", 5), ("or", 6), ("and", 7)]);
        AddRegister(forms, Op, 0x20, [("sub", 0), ("sra", 5)]);
        AddRegister(forms, Op32, 0, [("addw", 0), ("sllw", 1), ("srlw", 5)]);
        AddRegister(forms, Op32, 0x20, [("subw", 0), ("sraw", 5)]);
        AddRegister(forms, Op, 1, [("mul", 0), ("mulh", 1), ("mulhsu", 2), ("mulhu", 3), ("div", 4), ("divu", 5), ("rem", 6), ("remu", 7)]);
        AddRegister(forms, Op32, 1, [("mulw", 0), ("divw", 4), ("divuw", 5), ("remw", 6), ("remuw", 7)]);
    }

    private static void AddRegister(Dictionary<string, InstructionForm> forms, uint opcode, uint funct7,
        params ReadOnlySpan<(string Name, uint Funct3)> names)
    {
        foreach ((var name, var funct3) in names)
            Add(forms, name, Funct(opcode, funct3, funct7), Slot.Rd, Slot.Rs1, Slot.Rs2);
    }

    private static void AddAtomics(Dictionary<string, InstructionForm> forms)
    {
        ReadOnlySpan<(string, uint)> operations =
        [
            ("amoadd", 0), ("amoswap", 1), ("sc", 3), ("amoxor", 4), ("amoor", 8), ("amoand", 12),
            ("amomin", 16), ("amomax", 20), ("amominu", 24), ("amomaxu", 28),
        ];
        foreach ((var width, var funct3) in (ReadOnlySpan<(string, uint)>)[(".w", 2), (".d", 3)])
        {
            foreach ((var order, var bits) in (ReadOnlySpan<(string, uint)>)[("", 0), (".aq", 2), (".rl", 1), (".aqrl", 3)])
            {
                Add(forms, "lr" + width + order, Funct(Amo, funct3, (2 << 2) | bits), Slot.Rd, Slot.Address);
                foreach ((var name, var funct5) in operations)
                    Add(forms, name + width + order, Funct(Amo, funct3, (funct5 << 2) | bits), Slot.Rd, Slot.Rs2, Slot.Address);
            }
        }
    }
}
