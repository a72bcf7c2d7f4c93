using System.Numerics;

namespace Warren.RiscV.FloatingPoint;

/// <content>Sum, product, quotient and square root.</content>
internal static partial class SoftFloat<TFormat>
{
    internal static ulong Add(ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (IsNaN(a) || IsNaN(b))
            return PropagateNaN(a, b, ref flags);

        if (IsInfinite(a))
            return IsInfinite(b) && a != b ? InvalidResult(ref flags) : a;

        if (IsInfinite(b))
            return b;

        if (IsZero(b))
            return !IsZero(a) || a == b ? a : CancelledZero(rm);

        if (IsZero(a))
            return b;

        if ((a & ~SignBit) < (b & ~SignBit))
            (a, b) = (b, a);

        // One bit of headroom for the carry; ten or more bits below the significand hold guard and sticky.
        Unpack(a, out var exponent, out var larger);
        Unpack(b, out var smallerExponent, out var smaller);
        larger >>= 1;
        smaller = ShiftRightSticky(smaller >> 1, exponent - smallerExponent);
        var negative = IsNegative(a);
        var sum = negative == IsNegative(b) ? larger + smaller : larger - smaller;
        if (sum == 0)
            return CancelledZero(rm);

        var zeros = BitOperations.LeadingZeroCount(sum);
        return Round(negative, exponent + 1 - zeros, sum << zeros, rm, ref flags);
    }

    internal static ulong Multiply(ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (IsNaN(a) || IsNaN(b))
            return PropagateNaN(a, b, ref flags);

        var negative = IsNegative(a ^ b);
        if (IsInfinite(a) || IsInfinite(b))
            return IsZero(a) || IsZero(b) ? InvalidResult(ref flags) : WithSign(negative, Infinity);

        if (IsZero(a) || IsZero(b))
            return WithSign(negative, 0);

        Unpack(a, out var exponentA, out var significandA);
        Unpack(b, out var exponentB, out var significandB);
        var high = Math.BigMul(significandA, significandB, out var low);
        var zeros = BitOperations.LeadingZeroCount(high);
        if (zeros != 0)
        {
            high = (high << 1) | (low >> 63);
            low <<= 1;
        }

        return Round(negative, exponentA + exponentB + 1 - zeros, high | Sticky(low), rm, ref flags);
    }

    internal static ulong Divide(ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (IsNaN(a) || IsNaN(b))
            return PropagateNaN(a, b, ref flags);

        var negative = IsNegative(a ^ b);
        if (IsInfinite(a))
            return IsInfinite(b) ? InvalidResult(ref flags) : WithSign(negative, Infinity);

        if (IsInfinite(b))
            return WithSign(negative, 0);

        if (IsZero(b))
        {
            if (IsZero(a))
                return InvalidResult(ref flags);

            flags |= FloatFlags.DivideByZero;
            return WithSign(negative, Infinity);
        }

        if (IsZero(a))
            return WithSign(negative, 0);

        Unpack(a, out var exponentA, out var significandA);
        Unpack(b, out var exponentB, out var significandB);

        // The dividend is scaled so that the quotient has exactly 64 bits.
        var less = significandA < significandB ? 1 : 0;
        var dividend = (UInt128)significandA << (63 + less);
        var quotient = (ulong)(dividend / significandB);
        var remainder = (ulong)dividend - quotient * significandB;
        return Round(negative, exponentA - exponentB - less, quotient | Sticky(remainder), rm, ref flags);
    }

    internal static ulong SquareRoot(ulong a, RoundingMode rm, ref uint flags)
    {
        if (IsNaN(a))
            return PropagateNaN(a, a, ref flags);

        if (IsZero(a))
            return a;

        if (IsNegative(a))
            return InvalidResult(ref flags);

        if (IsInfinite(a))
            return a;

        // With the exponent made even, the radicand has 127 or 128 bits and its root exactly 64.
        Unpack(a, out var exponent, out var significand);
        var radicand = (UInt128)significand << (63 + (exponent & 1));
        var root = IntegerSquareRoot(radicand);
        var exact = (UInt128)root * root == radicand;
        return Round(negative: false, exponent >> 1, root | (exact ? 0UL : 1UL), rm, ref flags);
    }

    /// <summary>The floor of the square root of <paramref name="n"/>, which is at least 2^126.</summary>
    private static ulong IntegerSquareRoot(UInt128 n)
    {
        // The host's root is right to about 52 bits; one Newton step leaves an error of at most a few units.
        var root = (UInt128)Math.Sqrt((double)n);
        root = (root + n / root) >> 1;
        if (root > ulong.MaxValue)
            root = ulong.MaxValue;

        while (root * root > n)
            root--;

        while (root < ulong.MaxValue && (root + 1) * (root + 1) <= n)
            root++;

        return (ulong)root;
    }
}
