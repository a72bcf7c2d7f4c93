using static Warren.RiscV.Tests.Instructions.InstructionCase;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Branches and jumps.</summary>
internal static class ControlCases
{
    public static IEnumerable<InstructionCase> All =>
    [
        .. Branch("beq", (a, b) => a == b),
        .. Branch("bne", (a, b) => a != b),
        .. Branch("blt", (a, b) => (long)a < (long)b),
        .. Branch("bge", (a, b) => (long)a >= (long)b),
        .. Branch("bltu", (a, b) => a < b),
        .. Branch("bgeu", (a, b) => a >= b),

        new(Lines("li a0, 1", "j 5f", "li a0, 2", "5:"), 0, (_, _, _) => 1),
        new(Lines("jal t1, 5f", "6: nop", "5: la a0, 6b", "sub a0, t1, a0"), 0, (_, _, _) => 0),

        // JALR clears bit 0 of the target, adds its offset first, and reads its base before it writes the link.
        new(Lines("la t0, 5f", "jalr t1, 1(t0)", "6: nop", "5: la a0, 6b", "sub a0, t1, a0"), 0, (_, _, _) => 0),
        new(Lines("la t0, 5f + 2047", "jalr t1, -2047(t0)", "6: nop", "5: la a0, 6b", "sub a0, t1, a0"), 0, (_, _, _) => 0),
        new(Lines("la t0, 5f - 2047", "jalr t1, 2047(t0)", "6: nop", "5: la a0, 6b", "sub a0, t1, a0"), 0, (_, _, _) => 0),
        new(Lines("la t0, 5f", "jalr t0, 0(t0)", "6: nop", "5: la a0, 6b", "sub a0, t0, a0"), 0, (_, _, _) => 0),
        new(Lines("la ra, 5f", "jalr ra, 0(ra)", "6: nop", "5: la a0, 6b", "sub a0, ra, a0"), 0, (_, _, _) => 0),
        new(Lines("la t0, 5f", "li a0, 7", "jalr x0, 0(t0)", "li a0, 8", "5:"), 0, (_, _, _) => 7),

        // A subroutine, called from a loop and returning through ra.
        new(
            Lines("li a0, 0", "li t1, 10", "5: jal ra, 7f", "addi t1, t1, -1", "bnez t1, 5b", "j 6f", "7: add a0, a0, t1", "ret", "6:"),
            0,
            (_, _, _) => 55),

        // Fences order nothing that one hart can see, and must not disturb it.
        new(Lines("fence", "fence r, w", "fence.tso", "fence.i", "pause", "mv a0, a1"), 1, (a, _, _) => a),
    ];

    private static IEnumerable<InstructionCase> Branch(string mnemonic, Func<ulong, ulong, bool> taken)
    {
        yield return new(Lines("li a0, 0", $"{mnemonic} a1, a2, 5f", "li a0, 1", "5:"), 2, (a, b, _) => taken(a, b) ? 0UL : 1);
        yield return new(Lines("li a0, 0", $"{mnemonic} a1, a1, 5f", "li a0, 1", "5:"), 1, (a, _, _) => taken(a, a) ? 0UL : 1);
        yield return new(Lines("li a0, 0", $"{mnemonic} x0, a1, 5f", "li a0, 1", "5:"), 1, (a, _, _) => taken(0, a) ? 0UL : 1);
        yield return new(
            Lines("li a0, 0", "j 6f", "5: ori a0, a0, 2", "j 7f", $"6: {mnemonic} a1, a2, 5b", "ori a0, a0, 1", "7:"),
            1,
            (a, b, _) => taken(a, b) ? 2UL : 1);
    }
}
