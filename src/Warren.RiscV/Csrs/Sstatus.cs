namespace Warren.RiscV.Csrs;

/// <summary>Bits of <c>sstatus</c> (privileged manual, "Supervisor Status Register").</summary>
internal static class Sstatus
{
    internal const ulong Sie = 1 << 1;
    internal const ulong Spie = 1 << 5;
    internal const ulong Spp = 1 << 8;
    internal const int FloatShift = 13;
    internal const ulong FloatMask = 3 << FloatShift;
    internal const ulong Sum = 1 << 18;
    internal const ulong Mxr = 1 << 19;

    /// <summary>UXL: user mode is 64 bits wide, always.</summary>
    internal const ulong UserIs64Bit = 2UL << 32;

    /// <summary>SD: some state is dirty, which can only be FS.</summary>
    internal const ulong StateDirty = 1UL << 63;

    /// <summary>The bits that a write changes, besides FS. There is no vector unit, and both modes are little-endian.</summary>
    internal const ulong Writable = Sie | Spie | Spp | Sum | Mxr;
}
