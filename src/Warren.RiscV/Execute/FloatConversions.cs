using Warren.RiscV.FloatingPoint;
using static Warren.RiscV.FloatingPoint.NanBoxing;

namespace Warren.RiscV.Execute;

// Conversions and moves between the register files. 32-bit integers arrive and leave sign-extended, unsigned ones too.
internal readonly struct SingleToInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        (ulong)Float32.ToInt32(UnboxSingle(a), rm, ref flags);
}

internal readonly struct SingleToUInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        (ulong)(int)Float32.ToUInt32(UnboxSingle(a), rm, ref flags);
}

internal readonly struct SingleToInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        (ulong)Float32.ToInt64(UnboxSingle(a), rm, ref flags);
}

internal readonly struct SingleToUInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float32.ToUInt64(UnboxSingle(a), rm, ref flags);
}

internal readonly struct SingleFromInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.FromInt32((int)a, rm, ref flags));
}

internal readonly struct SingleFromUInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.FromUInt32((uint)a, rm, ref flags));
}

internal readonly struct SingleFromInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.FromInt64((long)a, rm, ref flags));
}

internal readonly struct SingleFromUInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.FromUInt64(a, rm, ref flags));
}

internal readonly struct MoveToSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => BoxSingle((uint)a);
}

internal readonly struct MoveFromSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => (ulong)(int)(uint)a;
}

internal readonly struct SingleFromDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.FromFloat64(a, rm, ref flags));
}

internal readonly struct DoubleToInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => (ulong)Float64.ToInt32(a, rm, ref flags);
}

internal readonly struct DoubleToUInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        (ulong)(int)Float64.ToUInt32(a, rm, ref flags);
}

internal readonly struct DoubleToInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => (ulong)Float64.ToInt64(a, rm, ref flags);
}

internal readonly struct DoubleToUInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.ToUInt64(a, rm, ref flags);
}

internal readonly struct DoubleFromInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.FromInt32((int)a);
}

internal readonly struct DoubleFromUInt32 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.FromUInt32((uint)a);
}

internal readonly struct DoubleFromInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.FromInt64((long)a, rm, ref flags);
}

internal readonly struct DoubleFromUInt64 : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.FromUInt64(a, rm, ref flags);
}

internal readonly struct DoubleFromSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float64.FromFloat32(UnboxSingle(a), ref flags);
}

internal readonly struct MoveDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => a;
}
