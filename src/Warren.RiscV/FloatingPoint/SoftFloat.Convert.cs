using System.Numerics;

namespace Warren.RiscV.FloatingPoint;

/// <content>Conversions to and from integers, and between the formats.</content>
internal static partial class SoftFloat<TFormat>
{
    internal static ulong FromInteger(bool negative, ulong magnitude, RoundingMode rm, ref uint flags)
    {
        if (magnitude == 0)
            return 0;

        var zeros = BitOperations.LeadingZeroCount(magnitude);
        var significand = magnitude << zeros;

        // All 64 bits may be significant: that is within what Round takes, bit 0 being a true bit rather than sticky.
        return Round(negative, 63 - zeros, significand, rm, ref flags);
    }

    /// <summary>
    /// Rounds to an integer of range -<paramref name="negativeLimit"/> to <paramref name="positiveLimit"/>, returned in two's complement.
    /// Out of range saturates with NV alone; a NaN counts as positive infinity.
    /// </summary>
    internal static ulong ToInteger(ulong a, ulong negativeLimit, ulong positiveLimit, RoundingMode rm, ref uint flags)
    {
        var negative = IsNegative(a) && !IsNaN(a);
        var limit = negative ? negativeLimit : positiveLimit;
        var inRange = TryRoundToMagnitude(a, negative, rm, out var magnitude, out var inexact) && magnitude <= limit;
        flags |= !inRange ? FloatFlags.Invalid : inexact ? FloatFlags.Inexact : 0;
        magnitude = inRange ? magnitude : limit;
        return negative ? 0 - magnitude : magnitude;
    }

    /// <summary>Into another format; to the wider one this is exact.</summary>
    internal static ulong ConvertTo<TTarget>(ulong a, RoundingMode rm, ref uint flags)
        where TTarget : struct, IFloatFormat
    {
        if (IsNaN(a))
        {
            PropagateNaN(a, a, ref flags);
            return SoftFloat<TTarget>.CanonicalNaN;
        }

        var negative = IsNegative(a);
        if (IsInfinite(a) || IsZero(a))
            return SoftFloat<TTarget>.WithSign(negative, IsZero(a) ? 0 : SoftFloat<TTarget>.Infinity);

        Unpack(a, out var exponent, out var significand);
        return SoftFloat<TTarget>.Round(negative, exponent, significand, rm, ref flags);
    }

    /// <summary>False when the magnitude needs more than 64 bits, or there is none (NaN, infinity).</summary>
    private static bool TryRoundToMagnitude(ulong a, bool negative, RoundingMode rm, out ulong magnitude, out bool inexact)
    {
        magnitude = 0;
        inexact = false;
        if (IsZero(a))
            return true;

        if ((a & ~SignBit) >= Infinity)
            return false;

        Unpack(a, out var exponent, out var significand);
        if (exponent >= 63)
        {
            magnitude = significand;
            return exponent == 63;
        }

        // Below one half every value rounds alike; the sticky shift keeps it apart from zero and from the tie.
        var fractional = exponent < 0;
        var whole = fractional ? 0 : significand >> (63 - exponent);
        var rest = fractional ? ShiftRightSticky(significand, -1 - exponent) : significand << (exponent + 1);
        inexact = rest != 0;
        magnitude = RoundsUp(negative, (whole & 1) != 0, rest, rm) ? whole + 1 : whole;
        return true;
    }
}
