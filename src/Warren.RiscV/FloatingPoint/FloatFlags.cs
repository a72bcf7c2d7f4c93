namespace Warren.RiscV.FloatingPoint;

/// <summary>The accrued exception bits of <c>fflags</c>, at their architectural positions.</summary>
public static class FloatFlags
{
    /// <summary>NX: the delivered result differs from the exact one.</summary>
    public const uint Inexact = 1 << 0;

    /// <summary>UF: the result is inexact and tiny, tininess being detected after rounding.</summary>
    public const uint Underflow = 1 << 1;

    /// <summary>OF: the rounded result exceeds the format's range.</summary>
    public const uint Overflow = 1 << 2;

    /// <summary>DZ: an exact infinity came from finite operands.</summary>
    public const uint DivideByZero = 1 << 3;

    /// <summary>NV: no useful result is defined for the operands.</summary>
    public const uint Invalid = 1 << 4;

    /// <summary>All five bits.</summary>
    public const uint All = 0x1f;
}
