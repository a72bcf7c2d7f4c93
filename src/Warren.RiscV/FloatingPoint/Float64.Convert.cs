using System.Runtime.CompilerServices;

namespace Warren.RiscV.FloatingPoint;

/// <content>Sign injection, comparison, classification and conversion. FMV.X.D and FMV.D.X are the identity on these patterns.</content>
public static partial class Float64
{
    /// <summary>FSGNJ.D: the magnitude of <paramref name="a"/>, the sign of <paramref name="b"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong InjectSign(ulong a, ulong b) => (a & ~SignBit) | (b & SignBit);

    /// <summary>FSGNJN.D: the opposite of the sign of <paramref name="b"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong InjectNegatedSign(ulong a, ulong b) => (a & ~SignBit) | (~b & SignBit);

    /// <summary>FSGNJX.D: the signs of both, exclusive-ored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong InjectXoredSign(ulong a, ulong b) => a ^ (b & SignBit);

    /// <summary>FMIN.D: minimumNumber of IEEE 754-2019.</summary>
    public static ulong Minimum(ulong a, ulong b, ref uint flags) => SoftFloat<Binary64>.Minimum(a, b, ref flags);

    /// <summary>FMAX.D: maximumNumber of IEEE 754-2019.</summary>
    public static ulong Maximum(ulong a, ulong b, ref uint flags) => SoftFloat<Binary64>.Maximum(a, b, ref flags);

    /// <summary>FEQ.D: quiet.</summary>
    public static bool IsEqual(ulong a, ulong b, ref uint flags)
        => ToHost(a) == ToHost(b) || SoftFloat<Binary64>.IsEqual(a, b, ref flags);

    /// <summary>FLT.D: signaling.</summary>
    public static bool IsLess(ulong a, ulong b, ref uint flags)
    {
        flags |= double.IsNaN(ToHost(a)) || double.IsNaN(ToHost(b)) ? FloatFlags.Invalid : 0;
        return ToHost(a) < ToHost(b);
    }

    /// <summary>FLE.D: signaling.</summary>
    public static bool IsLessOrEqual(ulong a, ulong b, ref uint flags)
    {
        flags |= double.IsNaN(ToHost(a)) || double.IsNaN(ToHost(b)) ? FloatFlags.Invalid : 0;
        return ToHost(a) <= ToHost(b);
    }

    /// <summary>FCLASS.D: bits 0 to 9 for -inf, -normal, -subnormal, -0, +0, +subnormal, +normal, +inf, sNaN, qNaN.</summary>
    public static uint Classify(ulong a) => SoftFloat<Binary64>.Classify(a);

    /// <summary>FCVT.W.D.</summary>
    public static int ToInt32(ulong a, RoundingMode rm, ref uint flags)
    {
        // Truncation by the host is right for RTZ, and for every mode when nothing was cut off.
        var x = ToHost(a);
        if (Math.Abs(x) < int.MaxValue)
        {
            var whole = (int)x;
            var inexact = whole != x;
            if (!inexact || rm == RoundingMode.Rtz)
            {
                flags |= inexact ? FloatFlags.Inexact : 0;
                return whole;
            }
        }

        return (int)SoftFloat<Binary64>.ToInteger(a, 1UL << 31, int.MaxValue, rm, ref flags);
    }

    /// <summary>FCVT.WU.D. The register receives the result sign-extended from bit 31.</summary>
    public static uint ToUInt32(ulong a, RoundingMode rm, ref uint flags)
        => (uint)SoftFloat<Binary64>.ToInteger(a, 0, uint.MaxValue, rm, ref flags);

    /// <summary>FCVT.L.D.</summary>
    public static long ToInt64(ulong a, RoundingMode rm, ref uint flags)
    {
        var x = ToHost(a);
        if (Math.Abs(x) < long.MaxValue)
        {
            var whole = (long)x;
            var inexact = whole != x;
            if (!inexact || rm == RoundingMode.Rtz)
            {
                flags |= inexact ? FloatFlags.Inexact : 0;
                return whole;
            }
        }

        return (long)SoftFloat<Binary64>.ToInteger(a, 1UL << 63, long.MaxValue, rm, ref flags);
    }

    /// <summary>FCVT.LU.D.</summary>
    public static ulong ToUInt64(ulong a, RoundingMode rm, ref uint flags)
        => SoftFloat<Binary64>.ToInteger(a, 0, ulong.MaxValue, rm, ref flags);

    /// <summary>FCVT.D.W: exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong FromInt32(int value) => FromHost(value);

    /// <summary>FCVT.D.WU: exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong FromUInt32(uint value) => FromHost(value);

    /// <summary>FCVT.D.L.</summary>
    public static ulong FromInt64(long value, RoundingMode rm, ref uint flags)
        => value is >= -(1L << 53) and <= 1L << 53
            ? FromHost(value)
            : SoftFloat<Binary64>.FromInteger(value < 0, value < 0 ? 0 - (ulong)value : (ulong)value, rm, ref flags);

    /// <summary>FCVT.D.LU.</summary>
    public static ulong FromUInt64(ulong value, RoundingMode rm, ref uint flags)
        => value <= 1UL << 53 ? FromHost((long)value) : SoftFloat<Binary64>.FromInteger(negative: false, value, rm, ref flags);

    /// <summary>FCVT.D.S: exact; NV for a signaling NaN.</summary>
    public static ulong FromFloat32(uint value, ref uint flags)
    {
        var x = BitConverter.UInt32BitsToSingle(value);
        return float.IsNaN(x) ? SoftFloat<Binary32>.ConvertTo<Binary64>(value, RoundingMode.Rne, ref flags) : FromHost(x);
    }
}
