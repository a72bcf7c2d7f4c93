using static Warren.RiscV.Tests.Instructions.InstructionCase;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>RV64I computation and M.</summary>
internal static class IntegerCases
{
    private static readonly long[] Constants = [0, 1, -1, 2, 31, 32, 255, 1000, 1024, 2047, -2, -1024, -2047, -2048];
    private static readonly long[] Shifts = [0, 1, 5, 31, 32, 33, 62, 63];
    private static readonly long[] WordShifts = [0, 1, 7, 15, 30, 31];

    public static IEnumerable<InstructionCase> All =>
    [
        .. Registers("add", (a, b) => a + b),
        .. Registers("sub", (a, b) => a - b),
        .. Registers("sll", (a, b) => a << (int)(b & 63)),
        .. Registers("srl", (a, b) => a >> (int)(b & 63)),
        .. Registers("sra", (a, b) => (ulong)((long)a >> (int)(b & 63))),
        .. Registers("slt", (a, b) => (long)a < (long)b ? 1UL : 0),
        .. Registers("sltu", (a, b) => a < b ? 1UL : 0),
        .. Registers("xor", (a, b) => a ^ b),
        .. Registers("or", (a, b) => a | b),
        .. Registers("and", (a, b) => a & b),
        .. Registers("addw", (a, b) => SignExtendWord(a + b)),
        .. Registers("subw", (a, b) => SignExtendWord(a - b)),
        .. Registers("sllw", (a, b) => SignExtendWord((uint)a << (int)(b & 31))),
        .. Registers("srlw", (a, b) => SignExtendWord((uint)a >> (int)(b & 31))),
        .. Registers("sraw", (a, b) => (ulong)((int)a >> (int)(b & 31))),
        .. Immediates("addi", Constants, (a, i) => a + i),
        .. Immediates("slti", Constants, (a, i) => (long)a < (long)i ? 1UL : 0),
        .. Immediates("sltiu", Constants, (a, i) => a < i ? 1UL : 0),
        .. Immediates("xori", Constants, (a, i) => a ^ i),
        .. Immediates("ori", Constants, (a, i) => a | i),
        .. Immediates("andi", Constants, (a, i) => a & i),
        .. Immediates("addiw", Constants, (a, i) => SignExtendWord(a + i)),
        .. Immediates("slli", Shifts, (a, i) => a << (int)i),
        .. Immediates("srli", Shifts, (a, i) => a >> (int)i),
        .. Immediates("srai", Shifts, (a, i) => (ulong)((long)a >> (int)i)),
        .. Immediates("slliw", WordShifts, (a, i) => SignExtendWord((uint)a << (int)i)),
        .. Immediates("srliw", WordShifts, (a, i) => SignExtendWord((uint)a >> (int)i)),
        .. Immediates("sraiw", WordShifts, (a, i) => (ulong)((int)a >> (int)i)),
        .. UpperImmediates(),

        .. Registers("mul", (a, b) => a * b),
        .. Registers("mulh", (a, b) => High((Int128)(long)a * (long)b)),
        .. Registers("mulhsu", (a, b) => High((Int128)(long)a * b)),
        .. Registers("mulhu", (a, b) => (ulong)(((UInt128)a * b) >> 64)),
        .. Registers("mulw", (a, b) => SignExtendWord(a * b)),
        .. Registers("div", (a, b) => (ulong)Divide((long)a, (long)b, long.MinValue)),
        .. Registers("divu", (a, b) => b == 0 ? ulong.MaxValue : a / b),
        .. Registers("rem", (a, b) => (ulong)Remainder((long)a, (long)b)),
        .. Registers("remu", (a, b) => b == 0 ? a : a % b),
        .. Registers("divw", (a, b) => SignExtendWord((ulong)Divide((int)a, (int)b, int.MinValue))),
        .. Registers("divuw", (a, b) => (uint)b == 0 ? ulong.MaxValue : SignExtendWord((uint)a / (uint)b)),
        .. Registers("remw", (a, b) => SignExtendWord((ulong)Remainder((int)a, (int)b))),
        .. Registers("remuw", (a, b) => SignExtendWord((uint)b == 0 ? (uint)a : (uint)a % (uint)b)),
    ];

    private static IEnumerable<InstructionCase> UpperImmediates()
    {
        foreach (var upper in (uint[])[0, 1, 0x12345, 0x7ffff, 0x80000, 0xfffff])
        {
            var value = SignExtendWord(upper << 12);
            yield return new($"lui a0, 0x{upper:x}", 0, (_, _, _) => value);

            // Two of them eight bytes apart tell the constant without knowing the address.
            yield return new(Lines($"auipc a0, 0x{upper:x}", "auipc t0, 0", "sub a0, a0, t0"), 0, (_, _, _) => value - 4);
        }
    }

    private static ulong High(Int128 product) => (ulong)(product >> 64);

    private static long Divide(long a, long b, long least) => b == 0 ? -1 : a == least && b == -1 ? least : a / b;

    private static long Remainder(long a, long b) => b == 0 ? a : b == -1 ? 0 : a % b;
}
