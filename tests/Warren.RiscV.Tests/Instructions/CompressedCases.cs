using static Warren.RiscV.Tests.Instructions.InstructionCase;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>RV64C and Zcd: every 16-bit encoding of computation, with extreme constants; loads, stores and jumps likewise.</summary>
internal static class CompressedCases
{
    private const string Stack = "la sp, scratch + 1024";

    public static IEnumerable<InstructionCase> All =>
    [
        .. InPlace("c.add", (a, b) => a + b),
        .. InPlace("c.sub", (a, b) => a - b),
        .. InPlace("c.xor", (a, b) => a ^ b),
        .. InPlace("c.or", (a, b) => a | b),
        .. InPlace("c.and", (a, b) => a & b),
        .. InPlace("c.subw", (a, b) => SignExtendWord(a - b)),
        .. InPlace("c.addw", (a, b) => SignExtendWord(a + b)),
        new("c.mv a0, a1", 1, (a, _, _) => a),
        new(Lines("mv t6, a1", "c.mv t5, t6", "c.add t5, t6", "c.mv a0, t5"), 1, (a, _, _) => a + a),
        .. WithConstant("c.addi", [1, -1, 31, -32], (a, i) => a + i),
        .. WithConstant("c.addiw", [0, 1, -1, 31, -32], (a, i) => SignExtendWord(a + i)),
        .. WithConstant("c.andi", [0, 1, -1, 31, -32], (a, i) => a & i),
        .. WithConstant("c.slli", [1, 31, 32, 63], (a, i) => a << (int)i),
        .. WithConstant("c.srli", [1, 31, 32, 63], (a, i) => a >> (int)i),
        .. WithConstant("c.srai", [1, 31, 32, 63], (a, i) => (ulong)((long)a >> (int)i)),
        .. WithConstant("c.li", [0, 1, -1, 31, -32], (_, i) => i),
        new("c.lui a0, 1", 0, (_, _, _) => 0x1000),
        new("c.lui a0, 31", 0, (_, _, _) => 0x1f000),
        new("c.lui a0, 0xfffff", 0, (_, _, _) => 0xffff_ffff_ffff_f000),
        new("c.lui a0, 0xfffe0", 0, (_, _, _) => 0xffff_ffff_fffe_0000),
        new(Lines("c.nop", "c.li a0, 3"), 0, (_, _, _) => 3),
        .. StackPointer("c.addi16sp sp, ", [16, 496, -16, -512], "sub a0, sp, t0"),
        .. StackPointer("c.addi4spn a0, sp, ", [4, 8, 512, 1020], "sub a0, a0, t0"),

        // Register-based and stack-based accesses at both ends of their ranges.
        .. Access("c.sw a1, {0}(a5)", "c.lw a0, {0}(a5)", [0, 4, 64, 124], SignExtendWord),
        .. Access("c.sd a1, {0}(a5)", "c.ld a0, {0}(a5)", [0, 8, 64, 248], a => a),
        .. Access("c.fsd fa1, {0}(a5)", "c.fld fa2, {0}(a5)\n        fmv.x.d a0, fa2", [0, 8, 64, 248], a => a),
        .. Access("c.swsp a1, {0}(sp)", "c.lwsp a0, {0}(sp)", [0, 4, 128, 252], SignExtendWord),
        .. Access("c.sdsp a1, {0}(sp)", "c.ldsp a0, {0}(sp)", [0, 8, 256, 504], a => a),
        .. Access("c.fsdsp fa1, {0}(sp)", "c.fldsp fa2, {0}(sp)\n        fmv.x.d a0, fa2", [0, 8, 256, 504], a => a),

        new(Lines("li a0, 1", "c.j 5f", "li a0, 2", "5:"), 0, (_, _, _) => 1),
        new(Lines("li a0, 0", "c.beqz a1, 5f", "addi a0, a0, 1", "5:"), 1, (a, _, _) => a == 0 ? 0UL : 1),
        new(Lines("li a0, 0", "c.bnez a1, 5f", "addi a0, a0, 1", "5:"), 1, (a, _, _) => a != 0 ? 0UL : 1),
        new(Lines("li a0, 3", "li a4, 0", "5: c.addi a4, 2", "c.addi a0, -1", "c.bnez a0, 5b", "mv a0, a4"), 0, (_, _, _) => 6),
        new(Lines("la t0, 5f", "li a0, 1", "c.jr t0", "li a0, 2", "5:"), 0, (_, _, _) => 1),
        new(Lines("la t0, 5f", "c.jalr t0", "6: nop", "5: la a0, 6b", "sub a0, ra, a0"), 0, (_, _, _) => 0),

        // A jump into the middle of what was laid out as one word, and a 32-bit instruction on a two-byte boundary.
        new(Lines("c.nop", "lui a0, 0x12345", "c.addi a0, 1"), 0, (_, _, _) => 0x1234_5001),
        new(Lines("li a0, 0", "la t0, 5f", "jr 2(t0)", "5: .word 0x05054501", "c.nop"), 0, (_, _, _) => 1),
    ];

    private static IEnumerable<InstructionCase> InPlace(string mnemonic, Func<ulong, ulong, ulong> meaning)
    {
        yield return new(Lines("mv a0, a1", $"{mnemonic} a0, a2"), 2, (a, b, _) => meaning(a, b));
        yield return new(Lines("mv a0, a1", $"{mnemonic} a0, a0"), 1, (a, _, _) => meaning(a, a));
    }

    private static IEnumerable<InstructionCase> WithConstant(string mnemonic, long[] constants, Func<ulong, ulong, ulong> meaning)
        => constants.Select(i => new InstructionCase(Lines("mv a0, a1", $"{mnemonic} a0, {i}"), 1, (a, _, _) => meaning(a, (ulong)i)));

    private static IEnumerable<InstructionCase> StackPointer(string statement, long[] constants, string difference)
        => constants.Select(i => new InstructionCase(Lines(Stack, "mv t0, sp", statement + i, difference), 0, (_, _, _) => (ulong)i));

    private static IEnumerable<InstructionCase> Access(string store, string load, long[] offsets, Func<ulong, ulong> meaning)
        => offsets.Select(i => new InstructionCase(
            Lines(Stack, "mv a5, sp", string.Format(null, store, i), string.Format(null, load, i)), 1, (a, _, _) => meaning(a)));
}
