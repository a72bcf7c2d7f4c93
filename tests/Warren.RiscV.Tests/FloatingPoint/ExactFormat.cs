using System.Numerics;
using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>
/// The oracle: IEEE 754 by its definition. A finite number is a fraction of big integers, an operation is done on fractions, and the one
/// rounding chooses among the two neighbours on the format's grid. Slow, and sharing nothing with the code under test.
/// </summary>
internal sealed class ExactFormat(int fractionBits, int exponentBits)
{
    public static readonly ExactFormat Single = new(23, 8);
    public static readonly ExactFormat Double = new(52, 11);

    private readonly int maxExponent = (1 << (exponentBits - 1)) - 1;
    private readonly int minExponent = 2 - (1 << (exponentBits - 1));

    public int FractionBits => fractionBits;

    public ulong SignBit => 1UL << (fractionBits + exponentBits);

    public ulong Infinity => ((1UL << exponentBits) - 1) << fractionBits;

    public ulong CanonicalNaN => Infinity | (1UL << (fractionBits - 1));

    public ulong Largest => Infinity - 1;

    public bool IsNegative(ulong a) => (a & SignBit) != 0;

    public ulong Magnitude(ulong a) => a & (SignBit - 1);

    public bool IsNaN(ulong a) => Magnitude(a) > Infinity;

    public bool IsSignaling(ulong a) => IsNaN(a) && (a & (1UL << (fractionBits - 1))) == 0;

    public bool IsInfinite(ulong a) => Magnitude(a) == Infinity;

    public bool IsZero(ulong a) => Magnitude(a) == 0;

    /// <summary>The value of a finite encoding.</summary>
    public Fraction Decode(ulong a)
    {
        var field = (int)(Magnitude(a) >> fractionBits);
        BigInteger significand = Magnitude(a) & ((1UL << fractionBits) - 1);
        if (field != 0)
            significand += BigInteger.One << fractionBits;

        var magnitude = Fraction.Scaled(significand, Math.Max(field, 1) - 1 + minExponent - fractionBits);
        return IsNegative(a) ? -magnitude : magnitude;
    }

    /// <summary>Rounds a value other than zero.</summary>
    public ulong Round(Fraction value, RoundingMode rm, ref uint flags)
    {
        var negative = value.Sign < 0;
        var magnitude = value.Abs();
        return Round(negative, magnitude.FloorLog2(), q => magnitude.Divide(q), rm, ref flags);
    }

    /// <summary>Rounds the square root of a positive value: compares squares, never takes an inexact root.</summary>
    public ulong RoundRoot(Fraction radicand, RoundingMode rm, ref uint flags)
    {
        var exponent = (int)Math.Floor(radicand.FloorLog2() / 2.0);
        return Round(negative: false, exponent, Quotient, rm, ref flags);

        (BigInteger Whole, int RestToHalf, bool Exact) Quotient(int q)
        {
            // floor(sqrt(x) / 2^q) by bisection on squares.
            var target = radicand * Fraction.Scaled(BigInteger.One, -2 * q);
            BigInteger low = 0;
            var high = BigInteger.One << (fractionBits + 3);
            while (high - low > 1)
            {
                var middle = (low + high) / 2;
                if (Fraction.Scaled(middle * middle, 0).CompareTo(target) <= 0)
                    low = middle;
                else
                    high = middle;
            }

            var twiceMiddle = 2 * low + 1;
            return (
                low,
                target.CompareTo(Fraction.Scaled(twiceMiddle * twiceMiddle, -2)),
                target.CompareTo(Fraction.Scaled(low * low, 0)) == 0);
        }
    }

    private ulong Round(
        bool negative,
        int exponent,
        Func<int, (BigInteger Whole, int RestToHalf, bool Exact)> inUnitsOf,
        RoundingMode rm,
        ref uint flags)
    {
        // With an unbounded exponent first: that decides tininess and overflow.
        (var unbounded, _) = RoundToGrid(inUnitsOf(exponent - fractionBits), negative, rm);
        var unboundedExponent = unbounded == BigInteger.One << (fractionBits + 1) ? exponent + 1 : exponent;
        if (unboundedExponent > maxExponent)
        {
            flags |= FloatFlags.Overflow | FloatFlags.Inexact;
            var toInfinity = rm is RoundingMode.Rne or RoundingMode.Rmm || rm == (negative ? RoundingMode.Rdn : RoundingMode.Rup);
            return (toInfinity ? Infinity : Largest) | (negative ? SignBit : 0);
        }

        var quantum = Math.Max(exponent, minExponent) - fractionBits;
        (var whole, var exact) = RoundToGrid(inUnitsOf(quantum), negative, rm);
        if (!exact)
        {
            flags |= FloatFlags.Inexact;
            flags |= unboundedExponent < minExponent ? FloatFlags.Underflow : 0;
        }

        // On the grid of the smallest normals and subnormals the encoding is the count of quanta itself.
        var steps = (ulong)(quantum + fractionBits - minExponent) << fractionBits;
        return (steps + (ulong)whole) | (negative ? SignBit : 0);
    }

    private static (BigInteger Rounded, bool Exact) RoundToGrid(
        (BigInteger Whole, int RestToHalf, bool Exact) quotient, bool negative, RoundingMode rm)
    {
        (var whole, var restToHalf, var exact) = quotient;
        var away = rm switch
        {
            RoundingMode.Rne => restToHalf > 0 || (restToHalf == 0 && !whole.IsEven),
            RoundingMode.Rmm => restToHalf >= 0,
            RoundingMode.Rdn => negative && !exact,
            RoundingMode.Rup => !negative && !exact,
            _ => false,
        };
        return (away ? whole + 1 : whole, exact);
    }

    /// <summary>Rounds to an integer; null when there is no finite value.</summary>
    public BigInteger? RoundToInteger(ulong a, RoundingMode rm, out bool exact)
    {
        exact = true;
        if (IsNaN(a) || IsInfinite(a))
            return null;

        (var rounded, exact) = RoundToGrid(Decode(a).Abs().Divide(0), IsNegative(a), rm);
        return IsNegative(a) ? -rounded : rounded;
    }
}

/// <summary>An exact fraction with a positive denominator, not reduced.</summary>
internal readonly struct Fraction(BigInteger numerator, BigInteger denominator) : IComparable<Fraction>
{
    private readonly BigInteger numerator = numerator;
    private readonly BigInteger denominator = denominator;

    public int Sign => numerator.Sign;

    public static Fraction Scaled(BigInteger value, int exponent)
        => exponent >= 0 ? new(value << exponent, BigInteger.One) : new(value, BigInteger.One << -exponent);

    public static Fraction operator -(Fraction a) => new(-a.numerator, a.denominator);

    public static Fraction operator +(Fraction a, Fraction b)
        => new(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);

    public static Fraction operator *(Fraction a, Fraction b) => new(a.numerator * b.numerator, a.denominator * b.denominator);

    public static Fraction operator /(Fraction a, Fraction b)
    {
        var sign = b.numerator.Sign;
        return new(a.numerator * b.denominator * sign, a.denominator * b.numerator * sign);
    }

    public Fraction Abs() => new(BigInteger.Abs(numerator), denominator);

    public int CompareTo(Fraction other) => (numerator * other.denominator).CompareTo(other.numerator * denominator);

    /// <summary>The exponent of the leading bit of a positive fraction.</summary>
    public int FloorLog2()
    {
        var exponent = (int)(numerator.GetBitLength() - denominator.GetBitLength());
        return CompareTo(Scaled(BigInteger.One, exponent)) < 0 ? exponent - 1 : exponent;
    }

    /// <summary>A non-negative fraction over 2^exponent: the whole part, how the rest compares with one half, whether it is none.</summary>
    public (BigInteger Whole, int RestToHalf, bool Exact) Divide(int exponent)
    {
        var scaledNumerator = exponent < 0 ? numerator << -exponent : numerator;
        var scaledDenominator = exponent > 0 ? denominator << exponent : denominator;
        var whole = BigInteger.DivRem(scaledNumerator, scaledDenominator, out var rest);
        return (whole, (2 * rest).CompareTo(scaledDenominator), rest.IsZero);
    }
}
