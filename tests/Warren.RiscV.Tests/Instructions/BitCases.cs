using System.Numerics;
using static Warren.RiscV.Tests.Instructions.InstructionCase;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Zba, Zbb and Zbs.</summary>
internal static class BitCases
{
    private static readonly long[] Shifts = [0, 1, 8, 31, 32, 33, 63];

    public static IEnumerable<InstructionCase> All =>
    [
        .. Registers("sh1add", (a, b) => (a << 1) + b),
        .. Registers("sh2add", (a, b) => (a << 2) + b),
        .. Registers("sh3add", (a, b) => (a << 3) + b),
        .. Registers("sh1add.uw", (a, b) => ((ulong)(uint)a << 1) + b),
        .. Registers("sh2add.uw", (a, b) => ((ulong)(uint)a << 2) + b),
        .. Registers("sh3add.uw", (a, b) => ((ulong)(uint)a << 3) + b),
        .. Registers("add.uw", (a, b) => (uint)a + b),
        .. Immediates("slli.uw", Shifts, (a, i) => (ulong)(uint)a << (int)i),

        .. Registers("andn", (a, b) => a & ~b),
        .. Registers("orn", (a, b) => a | ~b),
        .. Registers("xnor", (a, b) => ~(a ^ b)),
        .. Registers("min", (a, b) => (long)a < (long)b ? a : b),
        .. Registers("max", (a, b) => (long)a < (long)b ? b : a),
        .. Registers("minu", Math.Min),
        .. Registers("maxu", Math.Max),
        .. Registers("rol", (a, b) => BitOperations.RotateLeft(a, (int)(b & 63))),
        .. Registers("ror", (a, b) => BitOperations.RotateRight(a, (int)(b & 63))),
        .. Registers("rolw", (a, b) => SignExtendWord(BitOperations.RotateLeft((uint)a, (int)(b & 31)))),
        .. Registers("rorw", (a, b) => SignExtendWord(BitOperations.RotateRight((uint)a, (int)(b & 31)))),
        .. Immediates("rori", Shifts, (a, i) => BitOperations.RotateRight(a, (int)i)),
        .. Immediates("roriw", [0, 1, 15, 31], (a, i) => SignExtendWord(BitOperations.RotateRight((uint)a, (int)i))),
        .. Unary("clz", a => (ulong)BitOperations.LeadingZeroCount(a)),
        .. Unary("ctz", a => (ulong)BitOperations.TrailingZeroCount(a)),
        .. Unary("cpop", a => (ulong)BitOperations.PopCount(a)),
        .. Unary("clzw", a => (ulong)BitOperations.LeadingZeroCount((uint)a)),
        .. Unary("ctzw", a => (ulong)BitOperations.TrailingZeroCount((uint)a)),
        .. Unary("cpopw", a => (ulong)BitOperations.PopCount((uint)a)),
        .. Unary("sext.b", a => (ulong)(sbyte)a),
        .. Unary("sext.h", a => (ulong)(short)a),
        .. Unary("zext.h", a => (ushort)a),
        .. Unary("rev8", System.Buffers.Binary.BinaryPrimitives.ReverseEndianness),
        .. Unary("orc.b", a => MapBytes(a, b => b == 0 ? (byte)0 : (byte)0xff)),

        .. Registers("bclr", (a, b) => a & ~Bit(b)),
        .. Registers("bext", (a, b) => (a >> (int)(b & 63)) & 1),
        .. Registers("binv", (a, b) => a ^ Bit(b)),
        .. Registers("bset", (a, b) => a | Bit(b)),
        .. Immediates("bclri", Shifts, (a, i) => a & ~Bit(i)),
        .. Immediates("bexti", Shifts, (a, i) => (a >> (int)i) & 1),
        .. Immediates("binvi", Shifts, (a, i) => a ^ Bit(i)),
        .. Immediates("bseti", Shifts, (a, i) => a | Bit(i)),
    ];

    private static ulong Bit(ulong index) => 1UL << (int)(index & 63);

    private static ulong MapBytes(ulong value, Func<byte, byte> map)
    {
        ulong result = 0;
        for (var shift = 0; shift < 64; shift += 8)
            result |= (ulong)map((byte)(value >> shift)) << shift;

        return result;
    }
}
