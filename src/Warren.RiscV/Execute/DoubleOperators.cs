using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Execute;

// D: computation and comparison.
internal readonly struct AddDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Add(a, b, rm, ref flags);
}

internal readonly struct SubtractDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Subtract(a, b, rm, ref flags);
}

internal readonly struct MultiplyDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Multiply(a, b, rm, ref flags);
}

internal readonly struct DivideDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Divide(a, b, rm, ref flags);
}

internal readonly struct SquareRootDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.SquareRoot(a, rm, ref flags);
}

internal readonly struct MultiplyAddDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.MultiplyAdd(a, b, c, rm, ref flags);
}

internal readonly struct MultiplySubtractDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float64.MultiplySubtract(a, b, c, rm, ref flags);
}

internal readonly struct NegatedMultiplySubtractDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float64.NegatedMultiplySubtract(a, b, c, rm, ref flags);
}

internal readonly struct NegatedMultiplyAddDouble : IFloatOperator
{
    public static bool Rounds => true;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float64.NegatedMultiplyAdd(a, b, c, rm, ref flags);
}

internal readonly struct InjectSignDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.InjectSign(a, b);
}

internal readonly struct InjectNegatedSignDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.InjectNegatedSign(a, b);
}

internal readonly struct InjectXoredSignDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.InjectXoredSign(a, b);
}

internal readonly struct MinimumDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Minimum(a, b, ref flags);
}

internal readonly struct MaximumDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Maximum(a, b, ref flags);
}

internal readonly struct IsEqualDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.IsEqual(a, b, ref flags) ? 1UL : 0;
}

internal readonly struct IsLessDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.IsLess(a, b, ref flags) ? 1UL : 0;
}

internal readonly struct IsLessOrEqualDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) =>
        Float64.IsLessOrEqual(a, b, ref flags) ? 1UL : 0;
}

internal readonly struct ClassifyDouble : IFloatOperator
{
    public static bool Rounds => false;

    public static ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags) => Float64.Classify(a);
}
