using static Warren.RiscV.Tests.Instructions.InstructionCase;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>The A extension on one hart: what the AMOs return and leave, and when SC succeeds.</summary>
internal static class AtomicCases
{
    private const string Place = "la t0, scratch + 128";

    public static IEnumerable<InstructionCase> All =>
    [
        .. Amo("amoswap", (_, b) => b, (_, b) => b),
        .. Amo("amoadd", (a, b) => a + b, (a, b) => a + b),
        .. Amo("amoxor", (a, b) => a ^ b, (a, b) => a ^ b),
        .. Amo("amoand", (a, b) => a & b, (a, b) => a & b),
        .. Amo("amoor", (a, b) => a | b, (a, b) => a | b),
        .. Amo("amomin", (a, b) => (uint)Math.Min((int)a, (int)b), (a, b) => (ulong)Math.Min((long)a, (long)b)),
        .. Amo("amomax", (a, b) => (uint)Math.Max((int)a, (int)b), (a, b) => (ulong)Math.Max((long)a, (long)b)),
        .. Amo("amominu", Math.Min, Math.Min),
        .. Amo("amomaxu", Math.Max, Math.Max),

        .. Reservation("w", SignExtendWord, (old, stored) => (old & ~0xffff_ffffUL) | (uint)stored),
        .. Reservation("d", a => a, (_, stored) => stored),
    ];

    private static IEnumerable<InstructionCase> Amo(string mnemonic, Func<uint, uint, uint> onWord, Func<ulong, ulong, ulong> onDoubleword)
    {
        var double_ = Lines(Place, "sd a1, 0(t0)", $"{mnemonic}.d a0, a2, (t0)");
        yield return new(double_, 2, (a, _, _) => a);
        yield return new(Lines(double_, "ld a0, 0(t0)"), 2, (a, b, _) => onDoubleword(a, b));
        yield return new(
            Lines(Place, "sd a1, 0(t0)", $"{mnemonic}.d.aqrl x0, a2, (t0)", "ld a0, 0(t0)"), 1, (a, b, _) => onDoubleword(a, b));

        // On a word the register's upper half is ignored, the result sign-extended, and the neighbouring word left alone.
        var word = Lines(Place, "sd a1, 0(t0)", $"{mnemonic}.w a0, a2, (t0)");
        yield return new(word, 2, (a, _, _) => SignExtendWord(a));
        yield return new(Lines(word, "ld a0, 0(t0)"), 2, (a, b, _) => (a & ~0xffff_ffffUL) | onWord((uint)a, (uint)b));
        var upper = Lines(Place, "sd a1, 0(t0)", "addi t0, t0, 4", $"{mnemonic}.w.aq a0, a2, (t0)");
        yield return new(upper, 1, (a, _, _) => SignExtendWord(a >> 32));
        yield return new(
            Lines(upper, "ld a0, -4(t0)"), 1, (a, b, _) => (uint)a | (ulong)onWord((uint)(a >> 32), (uint)b) << 32);

        // Destination equal to the source, and to the address.
        yield return new(Lines(Place, "sd a1, 0(t0)", "mv a0, a2", $"{mnemonic}.d.rl a0, a0, (t0)"), 1, (a, _, _) => a);
        yield return new(Lines(Place, "sd a1, 0(t0)", "mv a0, t0", $"{mnemonic}.d a0, a2, (a0)"), 1, (a, _, _) => a);
    }

    private static IEnumerable<InstructionCase> Reservation(string w, Func<ulong, ulong> loaded, Func<ulong, ulong, ulong> merged)
    {
        var load = Lines(Place, "sd a1, 0(t0)", $"lr.{w} a0, (t0)");
        yield return new(load, 1, (a, _, _) => loaded(a));
        yield return new(Lines(load, $"sc.{w} a0, a2, (t0)"), 1, (_, _, _) => 0);
        yield return new(Lines(load, $"sc.{w} t1, a2, (t0)", "ld a0, 0(t0)"), 1, (a, b, _) => merged(a, b));
        yield return new(Lines(load, $"sc.{w} x0, a2, (t0)", "ld a0, 0(t0)"), 1, (a, b, _) => merged(a, b));

        // An SC spends the reservation, whether it succeeds or not, and one without a reservation stores nothing.
        var spent = Lines(load, $"sc.{w} t1, a2, (t0)", $"sc.{w} a0, a3, (t0)");
        yield return new(Lines(spent, "snez a0, a0"), 1, (_, _, _) => 1);
        yield return new(Lines(spent, "ld a0, 0(t0)"), 1, (a, b, _) => merged(a, b));

        // To another address than was reserved.
        var elsewhere = Lines(Place, "sd a1, 0(t0)", $"lr.{w} t1, (t0)", "addi t2, t0, 512", $"sc.{w} a0, a2, (t2)");
        yield return new(Lines(elsewhere, "snez a0, a0"), 1, (_, _, _) => 1);
        yield return new(Lines(elsewhere, $"sc.{w} a0, a2, (t0)", "snez a0, a0"), 1, (_, _, _) => 1);

        // The loop that the manual guarantees to end.
        yield return new(
            Lines(
                Place, "sd a1, 0(t0)",
                $"5: lr.{w}.aq t1, (t0)", "add t1, t1, a2", $"sc.{w}.rl t2, t1, (t0)", "bnez t2, 5b", "ld a0, 0(t0)"),
            1,
            (a, b, _) => merged(a, loaded(a) + b));
    }
}
