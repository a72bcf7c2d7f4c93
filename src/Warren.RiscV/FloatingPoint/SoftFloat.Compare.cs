namespace Warren.RiscV.FloatingPoint;

/// <content>Comparison, selection and classification.</content>
internal static partial class SoftFloat<TFormat>
{
    /// <summary>Quiet: NV only for a signaling NaN.</summary>
    internal static bool IsEqual(ulong a, ulong b, ref uint flags)
    {
        if (IsNaN(a) || IsNaN(b))
        {
            PropagateNaN(a, b, ref flags);
            return false;
        }

        return a == b || IsZero(a | b);
    }

    /// <summary>Signaling: NV for any NaN.</summary>
    internal static bool IsLess(ulong a, ulong b, ref uint flags)
    {
        if (IsNaN(a) || IsNaN(b))
        {
            flags |= FloatFlags.Invalid;
            return false;
        }

        return !IsZero(a | b) && OrderKey(a) < OrderKey(b);
    }

    /// <summary>Signaling: NV for any NaN.</summary>
    internal static bool IsLessOrEqual(ulong a, ulong b, ref uint flags)
    {
        if (IsNaN(a) || IsNaN(b))
        {
            flags |= FloatFlags.Invalid;
            return false;
        }

        return IsZero(a | b) || OrderKey(a) <= OrderKey(b);
    }

    /// <summary>IEEE 754-2019 minimumNumber: a number wins over a NaN, and -0 is less than +0.</summary>
    internal static ulong Minimum(ulong a, ulong b, ref uint flags)
        => TakesOnlyNumber(a, b, ref flags, out var number) ? number : OrderKey(a) <= OrderKey(b) ? a : b;

    /// <summary>IEEE 754-2019 maximumNumber: a number wins over a NaN, and +0 is greater than -0.</summary>
    internal static ulong Maximum(ulong a, ulong b, ref uint flags)
        => TakesOnlyNumber(a, b, ref flags, out var number) ? number : OrderKey(a) >= OrderKey(b) ? a : b;

    /// <summary>The ten-bit mask of FCLASS, of which exactly one bit is set.</summary>
    internal static uint Classify(ulong a)
    {
        if (IsNaN(a))
            return IsSignalingNaN(a) ? 1u << 8 : 1u << 9;

        // Distance from zero, 0 to 3: zero, subnormal, normal, infinity.
        var magnitude = a & ~SignBit;
        var rank = magnitude == 0 ? 0 : magnitude <= FractionMask ? 1 : magnitude < Infinity ? 2 : 3;
        return IsNegative(a) ? 1u << (3 - rank) : 1u << (4 + rank);
    }

    private static bool TakesOnlyNumber(ulong a, ulong b, ref uint flags, out ulong number)
    {
        number = 0;
        if (!IsNaN(a) && !IsNaN(b))
            return false;

        var canonical = PropagateNaN(a, b, ref flags);
        number = !IsNaN(a) ? a : !IsNaN(b) ? b : canonical;
        return true;
    }

    /// <summary>A signed integer ordered as the numbers are, with -0 just below +0.</summary>
    private static long OrderKey(ulong a) => IsNegative(a) ? ~(long)(a & ~SignBit) : (long)a;
}
