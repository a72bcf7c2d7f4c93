using System.Runtime.CompilerServices;

namespace Warren.RiscV.FloatingPoint;

/// <summary>
/// RISC-V F arithmetic over raw binary32 patterns. Results and accrued flags are exact in every rounding mode; NaN results are canonical.
/// </summary>
/// <remarks>
/// As <see cref="Float64"/>, but exactness is cheaper to see: a product, and the remainder of a quotient or root, of singles
/// fits a double without loss.
/// </remarks>
public static partial class Float32
{
    /// <summary>The canonical NaN: positive, quiet, no payload.</summary>
    public const uint CanonicalNaN = 0x7fc0_0000;

    internal const uint SignBit = 1u << 31;

    /// <summary>FADD.S.</summary>
    public static uint Add(uint a, uint b, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            var x = ToHost(a);
            var y = ToHost(b);
            var sum = x + y;
            if (float.IsFinite(sum))
            {
                var error = (flags & FloatFlags.Inexact) != 0 ? 0 : HostFloat.SumError(x, y, sum);
                if (float.IsFinite(error))
                {
                    flags |= error != 0 ? FloatFlags.Inexact : 0;
                    return FromHost(sum);
                }
            }
        }

        return (uint)SoftFloat<Binary32>.Add(a, b, rm, ref flags);
    }

    /// <summary>FSUB.S.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Subtract(uint a, uint b, RoundingMode rm, ref uint flags) => Add(a, b ^ SignBit, rm, ref flags);

    /// <summary>FMUL.S.</summary>
    public static uint Multiply(uint a, uint b, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            var exact = (double)ToHost(a) * ToHost(b);
            var product = (float)exact;
            if (float.IsFinite(product) && TellInexact(product, product == exact, ref flags))
                return FromHost(product);
        }

        return (uint)SoftFloat<Binary32>.Multiply(a, b, rm, ref flags);
    }

    /// <summary>FDIV.S.</summary>
    public static uint Divide(uint a, uint b, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            // Zero times an infinite divisor is a NaN, so an infinite divisor never looks exact here.
            var x = ToHost(a);
            var y = ToHost(b);
            var quotient = x / y;
            if (float.IsFinite(quotient) && TellInexact(quotient, (double)quotient * y == x, ref flags))
                return FromHost(quotient);
        }

        return (uint)SoftFloat<Binary32>.Divide(a, b, rm, ref flags);
    }

    /// <summary>FSQRT.S.</summary>
    public static uint SquareRoot(uint a, RoundingMode rm, ref uint flags)
    {
        var x = ToHost(a);
        if (rm == RoundingMode.Rne && x >= 0)
        {
            var root = MathF.Sqrt(x);
            flags |= (double)root * root != x ? FloatFlags.Inexact : 0;
            return FromHost(root);
        }

        return (uint)SoftFloat<Binary32>.SquareRoot(a, rm, ref flags);
    }

    /// <summary>FMADD.S: <c>a * b + c</c>, rounded once.</summary>
    public static uint MultiplyAdd(uint a, uint b, uint c, RoundingMode rm, ref uint flags)
    {
        if (HostFloat.HasFusedMultiplyAdd && rm == RoundingMode.Rne)
        {
            var z = ToHost(c);
            var result = MathF.FusedMultiplyAdd(ToHost(a), ToHost(b), z);
            if (float.IsFinite(result))
            {
                var product = (double)ToHost(a) * ToHost(b);
                var sum = product + z;
                var exact = result == sum && HostFloat.SumError(product, z, sum) == 0;
                if (TellInexact(result, exact, ref flags))
                    return FromHost(result);
            }
        }

        return (uint)SoftFloat<Binary32>.FusedMultiplyAdd(a, b, c, rm, ref flags);
    }

    /// <summary>FMSUB.S: <c>a * b - c</c>.</summary>
    public static uint MultiplySubtract(uint a, uint b, uint c, RoundingMode rm, ref uint flags)
        => MultiplyAdd(a, b, c ^ SignBit, rm, ref flags);

    /// <summary>FNMSUB.S: <c>-(a * b) + c</c>.</summary>
    public static uint NegatedMultiplySubtract(uint a, uint b, uint c, RoundingMode rm, ref uint flags)
        => MultiplyAdd(a ^ SignBit, b, c, rm, ref flags);

    /// <summary>FNMADD.S: <c>-(a * b) - c</c>.</summary>
    public static uint NegatedMultiplyAdd(uint a, uint b, uint c, RoundingMode rm, ref uint flags)
        => MultiplyAdd(a ^ SignBit, b, c ^ SignBit, rm, ref flags);

    /// <summary>Settles the flags of a finite result to nearest-even; false when it may be tiny and inexact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TellInexact(float result, bool exact, ref uint flags)
    {
        if (exact)
            return true;

        if (MathF.Abs(result) > HostFloat.MinNormalSingle)
        {
            flags |= FloatFlags.Inexact;
            return true;
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ToHost(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint FromHost(float value) => BitConverter.SingleToUInt32Bits(value);
}
