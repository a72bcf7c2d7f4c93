using System.Numerics;
using System.Runtime.CompilerServices;

namespace Warren.RiscV.FloatingPoint;

/// <summary>
/// Exact floating point in integer arithmetic, for every rounding mode and flag; encodings sit in the low bits of a <c>ulong</c>.
/// </summary>
/// <remarks>
/// Operations work on unpacked values: magnitude <c>significand * 2^(exponent - 63)</c> with bit 63 of the significand set, so subnormal
/// operands need no case of their own. A result keeps every bit it lost as a <em>sticky</em> one in bit 0; the formats leave 11 and 40
/// bits below the significand, so the sticky bit never meets the rounding position. <see cref="Round"/> alone produces NX, UF and OF.
/// </remarks>
internal static partial class SoftFloat<TFormat>
    where TFormat : struct, IFloatFormat
{
    internal static ulong SignBit => 1UL << (TFormat.FractionBits + TFormat.ExponentBits);

    internal static ulong Infinity => FieldMax << TFormat.FractionBits;

    internal static ulong CanonicalNaN => Infinity | QuietBit;

    private static int Bias => (1 << (TFormat.ExponentBits - 1)) - 1;

    private static int MinExponent => 1 - Bias;

    private static ulong FieldMax => (1UL << TFormat.ExponentBits) - 1;

    private static ulong QuietBit => 1UL << (TFormat.FractionBits - 1);

    private static ulong FractionMask => (1UL << TFormat.FractionBits) - 1;

    internal static bool IsNegative(ulong a) => (a & SignBit) != 0;

    internal static bool IsNaN(ulong a) => (a & ~SignBit) > Infinity;

    internal static bool IsSignalingNaN(ulong a) => IsNaN(a) && (a & QuietBit) == 0;

    internal static bool IsInfinite(ulong a) => (a & ~SignBit) == Infinity;

    internal static bool IsZero(ulong a) => (a & ~SignBit) == 0;

    /// <summary>The canonical NaN; NV when an operand signals.</summary>
    private static ulong PropagateNaN(ulong a, ulong b, ref uint flags)
    {
        if (IsSignalingNaN(a) || IsSignalingNaN(b))
            flags |= FloatFlags.Invalid;

        return CanonicalNaN;
    }

    private static ulong InvalidResult(ref uint flags)
    {
        flags |= FloatFlags.Invalid;
        return CanonicalNaN;
    }

    /// <summary>The sign of an exact zero that is the sum of values of opposite signs.</summary>
    private static ulong CancelledZero(RoundingMode rm) => rm == RoundingMode.Rdn ? SignBit : 0;

    private static ulong WithSign(bool negative, ulong magnitude) => negative ? magnitude | SignBit : magnitude;

    /// <summary>Unpacks a finite, non-zero value.</summary>
    private static void Unpack(ulong a, out int exponent, out ulong significand)
    {
        var field = (int)((a >> TFormat.FractionBits) & FieldMax);
        var fraction = a & FractionMask;
        if (field != 0)
        {
            exponent = field - Bias;
            significand = (fraction | (FractionMask + 1)) << (63 - TFormat.FractionBits);
            return;
        }

        var zeros = BitOperations.LeadingZeroCount(fraction);
        significand = fraction << zeros;
        exponent = MinExponent + 63 - TFormat.FractionBits - zeros;
    }

    /// <summary>
    /// Rounds <c>significand * 2^(exponent - 63)</c>, bit 63 set and bit 0 sticky, to the format. Raises NX, OF and UF as they come.
    /// </summary>
    private static ulong Round(bool negative, int exponent, ulong significand, RoundingMode rm, ref uint flags)
    {
        var dropped = 63 - TFormat.FractionBits;
        if (exponent >= MinExponent)
        {
            var kept = RoundOff(negative, significand, dropped, rm, out var lost);

            // The implied one carries into the exponent field, and so does a significand rounded up to two.
            var magnitude = exponent > Bias ? Infinity : ((ulong)(exponent + Bias - 1) << TFormat.FractionBits) + kept;
            if (magnitude >= Infinity)
            {
                flags |= FloatFlags.Overflow | FloatFlags.Inexact;
                return WithSign(negative, OverflowsToInfinity(negative, rm) ? Infinity : Infinity - 1);
            }

            flags |= lost ? FloatFlags.Inexact : 0;
            return WithSign(negative, magnitude);
        }

        // Tiny unless rounding with an unbounded exponent would reach the smallest normal number, a carry from just below.
        var tiny = exponent < MinExponent - 1
            || RoundOff(negative, significand, dropped, rm, out _) <= 2 * FractionMask + 1;
        var subnormal = RoundOff(negative, ShiftRightSticky(significand, MinExponent - exponent), dropped, rm, out var inexact);
        if (inexact)
            flags |= FloatFlags.Inexact | (tiny ? FloatFlags.Underflow : 0);

        return WithSign(negative, subnormal);
    }

    private static bool OverflowsToInfinity(bool negative, RoundingMode rm) => rm switch
    {
        RoundingMode.Rtz => false,
        RoundingMode.Rdn => negative,
        RoundingMode.Rup => !negative,
        _ => true,
    };

    /// <summary>Drops the low <paramref name="dropped"/> bits (1 to 63) of a magnitude, rounding what remains.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong RoundOff(bool negative, ulong value, int dropped, RoundingMode rm, out bool inexact)
    {
        var kept = value >> dropped;
        var rest = value << (64 - dropped);
        inexact = rest != 0;
        return RoundsUp(negative, (kept & 1) != 0, rest, rm) ? kept + 1 : kept;
    }

    /// <summary>True when a magnitude grows when its fraction <paramref name="rest"/> (in units of 2^-64, sticky) is dropped.</summary>
    private static bool RoundsUp(bool negative, bool odd, ulong rest, RoundingMode rm)
    {
        const ulong half = 1UL << 63;
        return rm switch
        {
            RoundingMode.Rne => rest > half || (rest == half && odd),
            RoundingMode.Rmm => rest >= half,
            RoundingMode.Rdn => negative && rest != 0,
            RoundingMode.Rup => !negative && rest != 0,
            _ => false,
        };
    }

    private static ulong ShiftRightSticky(ulong value, int count)
    {
        if (count == 0)
            return value;

        return count < 64 ? (value >> count) | (value << (64 - count) != 0 ? 1UL : 0) : Sticky(value);
    }

    private static UInt128 ShiftRightSticky(UInt128 value, int count)
    {
        if (count == 0)
            return value;

        var lost = count >= 128 ? value != 0 : value << (128 - count) != 0;
        return (count >= 128 ? UInt128.Zero : value >> count) | (lost ? UInt128.One : UInt128.Zero);
    }

    private static ulong Sticky(ulong lost) => lost != 0 ? 1UL : 0;
}
