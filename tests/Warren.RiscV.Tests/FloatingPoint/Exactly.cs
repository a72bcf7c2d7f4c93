using System.Numerics;
using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>An operation of either side: unused operands are ignored, integers are register images.</summary>
internal delegate ulong FloatOperation(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags);

/// <summary>The RISC-V operations on top of <see cref="ExactFormat"/>: NaN, infinity and zero rules written out per operation.</summary>
internal static class Exactly
{
    public static ulong Add(ExactFormat f, ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (NaN(f, ref flags, a, b) is { } nan)
            return nan;

        if (f.IsInfinite(a) && f.IsInfinite(b) && a != b)
            return Invalid(f, ref flags);

        return f.IsInfinite(a) ? a : f.IsInfinite(b) ? b : Sum(f, f.Decode(a), a, f.Decode(b), b, rm, ref flags);
    }

    public static ulong Multiply(ExactFormat f, ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (NaN(f, ref flags, a, b) is { } nan)
            return nan;

        var sign = (a ^ b) & f.SignBit;
        var zero = f.IsZero(a) || f.IsZero(b);
        if (f.IsInfinite(a) || f.IsInfinite(b))
            return zero ? Invalid(f, ref flags) : f.Infinity | sign;

        return zero ? sign : f.Round(f.Decode(a) * f.Decode(b), rm, ref flags);
    }

    public static ulong Divide(ExactFormat f, ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (NaN(f, ref flags, a, b) is { } nan)
            return nan;

        var sign = (a ^ b) & f.SignBit;
        if ((f.IsInfinite(a) && f.IsInfinite(b)) || (f.IsZero(a) && f.IsZero(b)))
            return Invalid(f, ref flags);

        if (f.IsZero(b) && !f.IsInfinite(a))
            flags |= FloatFlags.DivideByZero;

        if (f.IsInfinite(a) || f.IsZero(b))
            return f.Infinity | sign;

        return f.IsInfinite(b) || f.IsZero(a) ? sign : f.Round(f.Decode(a) / f.Decode(b), rm, ref flags);
    }

    public static ulong SquareRoot(ExactFormat f, ulong a, RoundingMode rm, ref uint flags)
    {
        if (NaN(f, ref flags, a) is { } nan)
            return nan;

        if (f.IsZero(a) || a == f.Infinity)
            return a;

        return f.IsNegative(a) ? Invalid(f, ref flags) : f.RoundRoot(f.Decode(a), rm, ref flags);
    }

    public static ulong MultiplyAdd(ExactFormat f, ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
    {
        var invalid = (f.IsInfinite(a) && f.IsZero(b)) || (f.IsZero(a) && f.IsInfinite(b));
        if (invalid)
            return Invalid(f, ref flags);

        if (NaN(f, ref flags, a, b, c) is { } nan)
            return nan;

        var sign = (a ^ b) & f.SignBit;
        if (f.IsInfinite(a) || f.IsInfinite(b))
            return f.IsInfinite(c) && c != (f.Infinity | sign) ? Invalid(f, ref flags) : f.Infinity | sign;

        return f.IsInfinite(c) ? c : Sum(f, f.Decode(a) * f.Decode(b), sign, f.Decode(c), c, rm, ref flags);
    }

    public static ulong Extreme(ExactFormat f, ulong a, ulong b, bool least, ref uint flags)
    {
        flags |= f.IsSignaling(a) || f.IsSignaling(b) ? FloatFlags.Invalid : 0;
        if (f.IsNaN(a) || f.IsNaN(b))
            return !f.IsNaN(a) ? a : !f.IsNaN(b) ? b : f.CanonicalNaN;

        var order = Compare(f, a, b);
        if (order == 0)
            order = f.IsNegative(b).CompareTo(f.IsNegative(a));

        return (order <= 0) == least ? a : b;
    }

    public static ulong IsEqual(ExactFormat f, ulong a, ulong b, ref uint flags)
    {
        flags |= f.IsSignaling(a) || f.IsSignaling(b) ? FloatFlags.Invalid : 0;
        return !f.IsNaN(a) && !f.IsNaN(b) && Compare(f, a, b) == 0 ? 1UL : 0;
    }

    public static ulong IsLess(ExactFormat f, ulong a, ulong b, bool orEqual, ref uint flags)
    {
        if (f.IsNaN(a) || f.IsNaN(b))
        {
            flags |= FloatFlags.Invalid;
            return 0;
        }

        var order = Compare(f, a, b);
        return order < 0 || (orEqual && order == 0) ? 1UL : 0;
    }

    public static ulong Classify(ExactFormat f, ulong a)
    {
        var subnormal = !f.IsZero(a) && f.Magnitude(a) >> f.FractionBits == 0;
        var bit = f.IsSignaling(a) ? 8
            : f.IsNaN(a) ? 9
            : f.IsInfinite(a) ? (f.IsNegative(a) ? 0 : 7)
            : f.IsZero(a) ? (f.IsNegative(a) ? 3 : 4)
            : subnormal ? (f.IsNegative(a) ? 2 : 5)
            : f.IsNegative(a) ? 1 : 6;
        return 1UL << bit;
    }

    /// <summary>As the manual's table of FCVT domains has it; the result is the register image, 32-bit ones sign-extended.</summary>
    public static ulong ToInteger(ExactFormat f, ulong a, int bits, bool signed, RoundingMode rm, ref uint flags)
    {
        var least = signed ? -(BigInteger.One << (bits - 1)) : 0;
        var most = (BigInteger.One << (signed ? bits - 1 : bits)) - 1;
        BigInteger result;
        if (f.RoundToInteger(a, rm, out var exact) is { } value && value >= least && value <= most)
        {
            flags |= exact ? 0 : FloatFlags.Inexact;
            result = value;
        }
        else
        {
            flags |= FloatFlags.Invalid;
            result = f.IsNegative(a) && !f.IsNaN(a) ? least : most;
        }

        var image = (ulong)(result & ulong.MaxValue);
        return bits == 32 ? (ulong)(int)image : image;
    }

    public static ulong FromInteger(ExactFormat f, ulong image, int bits, bool signed, RoundingMode rm, ref uint flags)
    {
        BigInteger value = (bits, signed) switch
        {
            (32, true) => (int)image,
            (32, false) => (uint)image,
            (_, true) => (long)image,
            _ => image,
        };
        return value.IsZero ? 0 : f.Round(Fraction.Scaled(value, 0), rm, ref flags);
    }

    public static ulong Convert(ExactFormat from, ExactFormat to, ulong a, RoundingMode rm, ref uint flags)
    {
        if (from.IsNaN(a))
        {
            flags |= from.IsSignaling(a) ? FloatFlags.Invalid : 0;
            return to.CanonicalNaN;
        }

        var sign = from.IsNegative(a) ? to.SignBit : 0;
        return from.IsInfinite(a) ? to.Infinity | sign : from.IsZero(a) ? sign : to.Round(from.Decode(a), rm, ref flags);
    }

    private static ulong Sum(
        ExactFormat f, Fraction x, ulong signX, Fraction y, ulong signY, RoundingMode rm, ref uint flags)
    {
        var sum = x + y;
        if (sum.Sign != 0)
            return f.Round(sum, rm, ref flags);

        var bothNegative = f.IsNegative(signX) && f.IsNegative(signY);
        var opposite = f.IsNegative(signX) != f.IsNegative(signY);
        return bothNegative || (opposite && rm == RoundingMode.Rdn) ? f.SignBit : 0;
    }

    private static int Compare(ExactFormat f, ulong a, ulong b)
    {
        var rankA = f.IsInfinite(a) ? (f.IsNegative(a) ? -1 : 1) : 0;
        var rankB = f.IsInfinite(b) ? (f.IsNegative(b) ? -1 : 1) : 0;
        return rankA != 0 || rankB != 0 ? rankA.CompareTo(rankB) : f.Decode(a).CompareTo(f.Decode(b));
    }

    private static ulong? NaN(ExactFormat f, ref uint flags, params ReadOnlySpan<ulong> operands)
    {
        var any = false;
        foreach (var operand in operands)
        {
            any |= f.IsNaN(operand);
            flags |= f.IsSignaling(operand) ? FloatFlags.Invalid : 0;
        }

        return any ? f.CanonicalNaN : null;
    }

    private static ulong Invalid(ExactFormat f, ref uint flags)
    {
        flags |= FloatFlags.Invalid;
        return f.CanonicalNaN;
    }
}
