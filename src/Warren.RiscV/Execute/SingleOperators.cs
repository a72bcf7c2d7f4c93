using Warren.RiscV.FloatingPoint;
using static Warren.RiscV.FloatingPoint.NanBoxing;

namespace Warren.RiscV.Execute;

// F: computation and comparison. Operands are unboxed (an invalid box is the canonical NaN), results boxed.
internal readonly struct AddSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.Add(UnboxSingle(a), UnboxSingle(b), rm, ref flags));
}

internal readonly struct SubtractSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.Subtract(UnboxSingle(a), UnboxSingle(b), rm, ref flags));
}

internal readonly struct MultiplySingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.Multiply(UnboxSingle(a), UnboxSingle(b), rm, ref flags));
}

internal readonly struct DivideSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.Divide(UnboxSingle(a), UnboxSingle(b), rm, ref flags));
}

internal readonly struct SquareRootSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.SquareRoot(UnboxSingle(a), rm, ref flags));
}

internal readonly struct MultiplyAddSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.MultiplyAdd(UnboxSingle(a), UnboxSingle(b), UnboxSingle(c), rm, ref flags));
}

internal readonly struct MultiplySubtractSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.MultiplySubtract(UnboxSingle(a), UnboxSingle(b), UnboxSingle(c), rm, ref flags));
}

internal readonly struct NegatedMultiplySubtractSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.NegatedMultiplySubtract(UnboxSingle(a), UnboxSingle(b), UnboxSingle(c), rm, ref flags));
}

internal readonly struct NegatedMultiplyAddSingle : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.NegatedMultiplyAdd(UnboxSingle(a), UnboxSingle(b), UnboxSingle(c), rm, ref flags));
}

internal readonly struct InjectSignSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.InjectSign(UnboxSingle(a), UnboxSingle(b)));
}

internal readonly struct InjectNegatedSignSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.InjectNegatedSign(UnboxSingle(a), UnboxSingle(b)));
}

internal readonly struct InjectXoredSignSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.InjectXoredSign(UnboxSingle(a), UnboxSingle(b)));
}

internal readonly struct MinimumSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.Minimum(UnboxSingle(a), UnboxSingle(b), ref flags));
}

internal readonly struct MaximumSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        BoxSingle(Float32.Maximum(UnboxSingle(a), UnboxSingle(b), ref flags));
}

internal readonly struct IsEqualSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float32.IsEqual(UnboxSingle(a), UnboxSingle(b), ref flags) ? 1UL : 0;
}

internal readonly struct IsLessSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float32.IsLess(UnboxSingle(a), UnboxSingle(b), ref flags) ? 1UL : 0;
}

internal readonly struct IsLessOrEqualSingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float32.IsLessOrEqual(UnboxSingle(a), UnboxSingle(b), ref flags) ? 1UL : 0;
}

internal readonly struct ClassifySingle : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float32.Classify(UnboxSingle(a));
}
