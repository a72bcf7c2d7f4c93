using System.Runtime.CompilerServices;

namespace Warren.RiscV.FloatingPoint;

/// <summary>
/// RISC-V D arithmetic over raw binary64 patterns. Results and accrued flags are exact in every rounding mode; NaN results are canonical.
/// </summary>
/// <remarks>
/// Each operation tries the host's instruction first, when it rounds to nearest-even and the flags can be told from the result:
/// NX is already set, or a residue shows whether anything was lost. <see cref="SoftFloat{TFormat}"/> does the rest.
/// Flags are only ever added to <c>flags</c>, as <c>fflags</c> accrues.
/// </remarks>
public static partial class Float64
{
    /// <summary>The canonical NaN: positive, quiet, no payload.</summary>
    public const ulong CanonicalNaN = 0x7ff8_0000_0000_0000;

    internal const ulong SignBit = 1UL << 63;

    /// <summary>FADD.D.</summary>
    public static ulong Add(ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            var x = ToHost(a);
            var y = ToHost(b);
            var sum = x + y;
            if (double.IsFinite(sum))
            {
                // A sum in the subnormal range is always exact, so UF cannot arise.
                var error = (flags & FloatFlags.Inexact) != 0 ? 0 : HostFloat.SumError(x, y, sum);
                if (double.IsFinite(error))
                {
                    flags |= error != 0 ? FloatFlags.Inexact : 0;
                    return FromHost(sum);
                }
            }
        }

        return SoftFloat<Binary64>.Add(a, b, rm, ref flags);
    }

    /// <summary>FSUB.D.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Subtract(ulong a, ulong b, RoundingMode rm, ref uint flags) => Add(a, b ^ SignBit, rm, ref flags);

    /// <summary>FMUL.D.</summary>
    public static ulong Multiply(ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            var x = ToHost(a);
            var y = ToHost(b);
            var product = x * y;
            if (double.IsFinite(product))
            {
                var magnitude = Math.Abs(product);
                var knownInexact = (flags & FloatFlags.Inexact) != 0;
                if ((knownInexact && magnitude > HostFloat.MinNormalDouble) || x == 0 || y == 0)
                    return FromHost(product);

                if (HostFloat.HasFusedMultiplyAdd && magnitude >= HostFloat.ResidueFloor)
                {
                    flags |= Math.FusedMultiplyAdd(x, y, -product) != 0 ? FloatFlags.Inexact : 0;
                    return FromHost(product);
                }
            }
        }

        return SoftFloat<Binary64>.Multiply(a, b, rm, ref flags);
    }

    /// <summary>FDIV.D.</summary>
    public static ulong Divide(ulong a, ulong b, RoundingMode rm, ref uint flags)
    {
        if (rm == RoundingMode.Rne)
        {
            // A finite quotient beyond the smallest normal has a finite dividend and a finite, non-zero divisor.
            var x = ToHost(a);
            var y = ToHost(b);
            var quotient = x / y;
            if (double.IsFinite(quotient) && Math.Abs(quotient) > HostFloat.MinNormalDouble)
            {
                if ((flags & FloatFlags.Inexact) != 0)
                    return FromHost(quotient);

                if (HostFloat.HasFusedMultiplyAdd && Math.Abs(x) >= HostFloat.ResidueFloor)
                {
                    flags |= Math.FusedMultiplyAdd(quotient, y, -x) != 0 ? FloatFlags.Inexact : 0;
                    return FromHost(quotient);
                }
            }
        }

        return SoftFloat<Binary64>.Divide(a, b, rm, ref flags);
    }

    /// <summary>FSQRT.D.</summary>
    public static ulong SquareRoot(ulong a, RoundingMode rm, ref uint flags)
    {
        var x = ToHost(a);
        if (rm == RoundingMode.Rne && x >= 0)
        {
            var root = Math.Sqrt(x);
            if ((flags & FloatFlags.Inexact) != 0 || x == 0)
                return FromHost(root);

            if (HostFloat.HasFusedMultiplyAdd && x >= HostFloat.ResidueFloor && double.IsFinite(x))
            {
                flags |= Math.FusedMultiplyAdd(root, root, -x) != 0 ? FloatFlags.Inexact : 0;
                return FromHost(root);
            }
        }

        return SoftFloat<Binary64>.SquareRoot(a, rm, ref flags);
    }

    /// <summary>FMADD.D: <c>a * b + c</c>, rounded once.</summary>
    public static ulong MultiplyAdd(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
    {
        if (HostFloat.HasFusedMultiplyAdd && rm == RoundingMode.Rne)
        {
            var x = ToHost(a);
            var y = ToHost(b);
            var z = ToHost(c);
            var result = Math.FusedMultiplyAdd(x, y, z);
            if (double.IsFinite(result))
            {
                if ((flags & FloatFlags.Inexact) != 0)
                {
                    if (Math.Abs(result) > HostFloat.MinNormalDouble)
                        return FromHost(result);
                }
                else
                {
                    // Exact product and exact sum: no flag. Anything else is soon inexact, and then takes the branch above.
                    var product = x * y;
                    if (Math.Abs(product) >= HostFloat.ResidueFloor
                        && Math.FusedMultiplyAdd(x, y, -product) == 0
                        && HostFloat.SumError(product, z, result) == 0)
                    {
                        return FromHost(result);
                    }
                }
            }
        }

        return SoftFloat<Binary64>.FusedMultiplyAdd(a, b, c, rm, ref flags);
    }

    /// <summary>FMSUB.D: <c>a * b - c</c>.</summary>
    public static ulong MultiplySubtract(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
        => MultiplyAdd(a, b, c ^ SignBit, rm, ref flags);

    /// <summary>FNMSUB.D: <c>-(a * b) + c</c>.</summary>
    public static ulong NegatedMultiplySubtract(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
        => MultiplyAdd(a ^ SignBit, b, c, rm, ref flags);

    /// <summary>FNMADD.D: <c>-(a * b) - c</c>.</summary>
    public static ulong NegatedMultiplyAdd(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
        => MultiplyAdd(a ^ SignBit, b, c ^ SignBit, rm, ref flags);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double ToHost(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong FromHost(double value) => BitConverter.DoubleToUInt64Bits(value);
}
