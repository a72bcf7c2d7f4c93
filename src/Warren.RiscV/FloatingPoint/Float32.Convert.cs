using System.Runtime.CompilerServices;

namespace Warren.RiscV.FloatingPoint;

/// <content>
/// Sign injection, comparison, classification and conversion. FMV.X.W takes the low word of the register as it is, boxed or not,
/// and FMV.W.X boxes it.
/// </content>
public static partial class Float32
{
    /// <summary>FSGNJ.S: the magnitude of <paramref name="a"/>, the sign of <paramref name="b"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint InjectSign(uint a, uint b) => (a & ~SignBit) | (b & SignBit);

    /// <summary>FSGNJN.S: the opposite of the sign of <paramref name="b"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint InjectNegatedSign(uint a, uint b) => (a & ~SignBit) | (~b & SignBit);

    /// <summary>FSGNJX.S: the signs of both, exclusive-ored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint InjectXoredSign(uint a, uint b) => a ^ (b & SignBit);

    /// <summary>FMIN.S: minimumNumber of IEEE 754-2019.</summary>
    public static uint Minimum(uint a, uint b, ref uint flags) => (uint)SoftFloat<Binary32>.Minimum(a, b, ref flags);

    /// <summary>FMAX.S: maximumNumber of IEEE 754-2019.</summary>
    public static uint Maximum(uint a, uint b, ref uint flags) => (uint)SoftFloat<Binary32>.Maximum(a, b, ref flags);

    /// <summary>FEQ.S: quiet.</summary>
    public static bool IsEqual(uint a, uint b, ref uint flags)
        => ToHost(a) == ToHost(b) || SoftFloat<Binary32>.IsEqual(a, b, ref flags);

    /// <summary>FLT.S: signaling.</summary>
    public static bool IsLess(uint a, uint b, ref uint flags)
    {
        flags |= float.IsNaN(ToHost(a)) || float.IsNaN(ToHost(b)) ? FloatFlags.Invalid : 0;
        return ToHost(a) < ToHost(b);
    }

    /// <summary>FLE.S: signaling.</summary>
    public static bool IsLessOrEqual(uint a, uint b, ref uint flags)
    {
        flags |= float.IsNaN(ToHost(a)) || float.IsNaN(ToHost(b)) ? FloatFlags.Invalid : 0;
        return ToHost(a) <= ToHost(b);
    }

    /// <summary>FCLASS.S: bits 0 to 9 for -inf, -normal, -subnormal, -0, +0, +subnormal, +normal, +inf, sNaN, qNaN.</summary>
    public static uint Classify(uint a) => SoftFloat<Binary32>.Classify(a);

    /// <summary>FCVT.W.S.</summary>
    public static int ToInt32(uint a, RoundingMode rm, ref uint flags)
    {
        var x = ToHost(a);
        if (MathF.Abs(x) < 1 << 30)
        {
            var whole = (int)x;
            var inexact = whole != x;
            if (!inexact || rm == RoundingMode.Rtz)
            {
                flags |= inexact ? FloatFlags.Inexact : 0;
                return whole;
            }
        }

        return (int)SoftFloat<Binary32>.ToInteger(a, 1UL << 31, int.MaxValue, rm, ref flags);
    }

    /// <summary>FCVT.WU.S. The register receives the result sign-extended from bit 31.</summary>
    public static uint ToUInt32(uint a, RoundingMode rm, ref uint flags)
        => (uint)SoftFloat<Binary32>.ToInteger(a, 0, uint.MaxValue, rm, ref flags);

    /// <summary>FCVT.L.S.</summary>
    public static long ToInt64(uint a, RoundingMode rm, ref uint flags)
        => (long)SoftFloat<Binary32>.ToInteger(a, 1UL << 63, long.MaxValue, rm, ref flags);

    /// <summary>FCVT.LU.S.</summary>
    public static ulong ToUInt64(uint a, RoundingMode rm, ref uint flags)
        => SoftFloat<Binary32>.ToInteger(a, 0, ulong.MaxValue, rm, ref flags);

    /// <summary>FCVT.S.W.</summary>
    public static uint FromInt32(int value, RoundingMode rm, ref uint flags) => FromInt64(value, rm, ref flags);

    /// <summary>FCVT.S.WU.</summary>
    public static uint FromUInt32(uint value, RoundingMode rm, ref uint flags) => FromUInt64(value, rm, ref flags);

    /// <summary>FCVT.S.L.</summary>
    public static uint FromInt64(long value, RoundingMode rm, ref uint flags)
        => value is >= -(1 << 24) and <= 1 << 24
            ? FromHost(value)
            : (uint)SoftFloat<Binary32>.FromInteger(value < 0, value < 0 ? 0 - (ulong)value : (ulong)value, rm, ref flags);

    /// <summary>FCVT.S.LU.</summary>
    public static uint FromUInt64(ulong value, RoundingMode rm, ref uint flags)
        => value <= 1 << 24 ? FromHost((long)value) : (uint)SoftFloat<Binary32>.FromInteger(negative: false, value, rm, ref flags);

    /// <summary>FCVT.S.D.</summary>
    public static uint FromFloat64(ulong value, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            var x = BitConverter.UInt64BitsToDouble(value);
            var narrow = (float)x;
            if (float.IsFinite(narrow) && TellInexact(narrow, narrow == x, ref flags))
                return FromHost(narrow);
        }

        return (uint)SoftFloat<Binary64>.ConvertTo<Binary32>(value, rm, ref flags);
    }
}
