namespace Warren.RiscV.Csrs;

/// <summary>Bits of <c>senvcfg</c>: what user mode may do with cache blocks, and whether its I/O fences cover memory.</summary>
internal static class Senvcfg
{
    internal const ulong Fiom = 1 << 0;
    internal const int CbieShift = 4;
    internal const ulong CbieMask = 3 << CbieShift;
    internal const ulong Cbcfe = 1 << 6;
    internal const ulong Cbze = 1 << 7;
}
