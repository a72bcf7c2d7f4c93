namespace Warren.RiscV.FloatingPoint;

/// <summary>
/// A rounding mode as <c>frm</c> and the <c>rm</c> instruction field encode it (RISC-V unprivileged manual, F extension).
/// The dynamic encoding (7) and the reserved ones (5, 6) are the decoder's to resolve or refuse; arithmetic never sees them.
/// </summary>
public enum RoundingMode : byte
{
    /// <summary>To nearest, ties to even.</summary>
    Rne = 0,

    /// <summary>Towards zero.</summary>
    Rtz = 1,

    /// <summary>Towards negative infinity.</summary>
    Rdn = 2,

    /// <summary>Towards positive infinity.</summary>
    Rup = 3,

    /// <summary>To nearest, ties away from zero.</summary>
    Rmm = 4,
}
