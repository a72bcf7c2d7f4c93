using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Warren.RiscV.FloatingPoint;

/// <summary>
/// The host's share in the fast paths. .NET arithmetic on <c>double</c> and <c>float</c> is IEEE 754 to nearest-even with subnormals; only
/// the exception flags are out of reach, so each fast path proves from the result which of them the operation raises.
/// </summary>
internal static class HostFloat
{
    /// <summary>
    /// Above this magnitude the error of a product, and the remainder of a quotient or root, is itself a double: a fused residue of zero
    /// then proves exactness. (2^-960; the error of a product in [2^e, 2^(e+1)) is a multiple of 2^(e-105).)
    /// </summary>
    internal const double ResidueFloor = 1.0261342003245941e-289;

    /// <summary>The smallest normal double. A result beyond it, not equal to it, was not tiny either before or after rounding.</summary>
    internal const double MinNormalDouble = 2.2250738585072014e-308;

    /// <summary>The smallest normal single.</summary>
    internal const float MinNormalSingle = 1.17549435e-38f;

    /// <summary>
    /// True when <c>FusedMultiplyAdd</c> is one instruction. Where it is not, the integer path is as fast as the library call.
    /// </summary>
    internal static bool HasFusedMultiplyAdd
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Fma.IsSupported || AdvSimd.IsSupported;
    }

    /// <summary>
    /// The rounding error of <c>sum = x + y</c> (the two-sum of Knuth and Møller), exact when finite; not finite when a step overflowed.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double SumError(double x, double y, double sum)
    {
        var part = sum - x;
        return (x - (sum - part)) + (y - part);
    }

    /// <inheritdoc cref="SumError(double, double, double)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float SumError(float x, float y, float sum)
    {
        var part = sum - x;
        return (x - (sum - part)) + (y - part);
    }
}
