using System.Buffers.Binary;
using System.Numerics;

namespace Warren.RiscV.Execute;

// Zba: address generation.
internal readonly struct AddUw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (uint)a + b;
}

internal readonly struct Sh1add : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (a << 1) + b;
}

internal readonly struct Sh2add : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (a << 2) + b;
}

internal readonly struct Sh3add : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (a << 3) + b;
}

internal readonly struct Sh1addUw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => ((ulong)(uint)a << 1) + b;
}

internal readonly struct Sh2addUw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => ((ulong)(uint)a << 2) + b;
}

internal readonly struct Sh3addUw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => ((ulong)(uint)a << 3) + b;
}

internal readonly struct SlliUw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)(uint)a << (int)b;
}

// Zbb: basic bit manipulation.
internal readonly struct Andn : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a & ~b;
}

internal readonly struct Orn : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a | ~b;
}

internal readonly struct Xnor : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => ~(a ^ b);
}

internal readonly struct Max : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (long)a > (long)b ? a : b;
}

internal readonly struct Maxu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a > b ? a : b;
}

internal readonly struct Min : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (long)a < (long)b ? a : b;
}

internal readonly struct Minu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a < b ? a : b;
}

internal readonly struct Rol : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => BitOperations.RotateLeft(a, (int)b);
}

internal readonly struct Ror : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => BitOperations.RotateRight(a, (int)b);
}

internal readonly struct Rolw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)(int)BitOperations.RotateLeft((uint)a, (int)b);
}

internal readonly struct Rorw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)(int)BitOperations.RotateRight((uint)a, (int)b);
}

internal readonly struct Clz : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)BitOperations.LeadingZeroCount(a);
}

internal readonly struct Clzw : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)BitOperations.LeadingZeroCount((uint)a);
}

internal readonly struct Ctz : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)BitOperations.TrailingZeroCount(a);
}

internal readonly struct Ctzw : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)BitOperations.TrailingZeroCount((uint)a);
}

internal readonly struct Cpop : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)BitOperations.PopCount(a);
}

internal readonly struct Cpopw : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)BitOperations.PopCount((uint)a);
}

internal readonly struct SextB : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)(sbyte)a;
}

internal readonly struct SextH : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ulong)(short)a;
}

internal readonly struct ZextH : IUnaryOperator
{
    public static ulong Invoke(ulong a) => (ushort)a;
}

internal readonly struct Rev8 : IUnaryOperator
{
    public static ulong Invoke(ulong a) => BinaryPrimitives.ReverseEndianness(a);
}

internal readonly struct OrcB : IUnaryOperator
{
    public static ulong Invoke(ulong a)
    {
        // The top bit of each non-zero byte, then spread over its byte.
        const ulong Low7 = 0x7f7f_7f7f_7f7f_7f7f;
        var top = (((a & Low7) + Low7) | a) & ~Low7;
        return (top >> 7) * 0xff;
    }
}

// Zbs: single bits.
internal readonly struct Bclr : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a & ~(1UL << (int)b);
}

internal readonly struct Bext : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a >> (int)b & 1;
}

internal readonly struct Binv : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a ^ (1UL << (int)b);
}

internal readonly struct Bset : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a | (1UL << (int)b);
}
