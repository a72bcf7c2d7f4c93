namespace Warren.RiscV.FloatingPoint;

/// <summary>An IEEE 754 binary interchange format, as compile-time constants for <see cref="SoftFloat{TFormat}"/>.</summary>
internal interface IFloatFormat
{
    /// <summary>Stored significand bits, without the implied leading one.</summary>
    static abstract int FractionBits { get; }

    /// <summary>Width of the biased exponent field, in bits.</summary>
    static abstract int ExponentBits { get; }
}

/// <summary>binary32: the F extension's format.</summary>
internal readonly struct Binary32 : IFloatFormat
{
    public static int FractionBits => 23;

    public static int ExponentBits => 8;
}

/// <summary>binary64: the D extension's format.</summary>
internal readonly struct Binary64 : IFloatFormat
{
    public static int FractionBits => 52;

    public static int ExponentBits => 11;
}
