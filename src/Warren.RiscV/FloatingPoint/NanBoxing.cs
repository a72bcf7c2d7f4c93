using System.Runtime.CompilerServices;

namespace Warren.RiscV.FloatingPoint;

/// <summary>How single-precision values live in 64-bit registers (D extension, "NaN Boxing of Narrower Values").</summary>
public static class NanBoxing
{
    private const ulong Box = 0xffff_ffff_0000_0000;

    /// <summary>The register image of <paramref name="value"/>: the upper half all ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong BoxSingle(uint value) => Box | value;

    /// <summary>The single held by <paramref name="register"/>: the canonical NaN when it is not a valid box.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint UnboxSingle(ulong register) => register >= Box ? (uint)register : Float32.CanonicalNaN;
}
