using Warren.RiscV.Execute;

namespace Warren.RiscV.Decode;

/// <summary>Fences, environment, CSRs, translation fences, cache blocks.</summary>
internal static class SystemPatterns
{
    internal static InstructionPattern[] All { get; } =
    [
        // FENCE.TSO orders no store before a load.
        new(Extension.I, 0xf000_707f, 0x8000_000f, Format.Plain, System(nameof(SystemOps.Nop))),
        // A fence whose predecessors include stores and whose successors include loads needs the host's; device bits count as their memory.
        .. StoreLoadFences(),
        new(Extension.I, 0x707f, 0x000f, Format.Plain, System(nameof(SystemOps.Nop))),
        new(Extension.Zifencei, 0x707f, 0x100f, Format.Final, System(nameof(SystemOps.FenceI))),
        new(Extension.I, uint.MaxValue, 0x0000_0073, Format.Final, System(nameof(SystemOps.Ecall))),
        new(Extension.I, uint.MaxValue, 0x0010_0073, Format.Final, System(nameof(SystemOps.Ebreak))),
        new(Extension.I, uint.MaxValue, 0x1020_0073, Format.Final, System(nameof(SystemOps.Sret))),
        new(Extension.I, uint.MaxValue, 0x1050_0073, Format.Final, System(nameof(SystemOps.Wfi))),
        new(Extension.I, 0xfe00_7fff, 0x1200_0073, Format.Final, System(nameof(SystemOps.SfenceVma))),
        new(Extension.Svinval, 0xfe00_7fff, 0x1600_0073, Format.Final, System(nameof(SystemOps.SfenceVma))),
        new(Extension.Svinval, uint.MaxValue, 0x1800_0073, Format.Plain, System(nameof(SystemOps.SfenceOrder))),
        new(Extension.Svinval, uint.MaxValue, 0x1810_0073, Format.Plain, System(nameof(SystemOps.SfenceOrder))),
        new(Extension.Zawrs, uint.MaxValue, 0x00d0_0073, Format.Plain, System(nameof(SystemOps.Nop))),
        new(Extension.Zawrs, uint.MaxValue, 0x01d0_0073, Format.Plain, System(nameof(SystemOps.Nop))),
        Csr(1, Format.Csr, nameof(CsrOps.Write), readOnly: null),
        Csr(2, Format.Csr, nameof(CsrOps.Set), nameof(CsrOps.Read)),
        Csr(3, Format.Csr, nameof(CsrOps.Clear), nameof(CsrOps.Read)),
        Csr(5, Format.CsrConstant, nameof(CsrOps.WriteImmediate), readOnly: null),
        Csr(6, Format.CsrConstant, nameof(CsrOps.SetImmediate), nameof(CsrOps.Read)),
        Csr(7, Format.CsrConstant, nameof(CsrOps.ClearImmediate), nameof(CsrOps.Read)),
        CacheBlock(Extension.Zicbom, 0, nameof(CacheBlockOps.Invalidate)),
        CacheBlock(Extension.Zicbom, 1, nameof(CacheBlockOps.Clean)),
        CacheBlock(Extension.Zicbom, 2, nameof(CacheBlockOps.Clean)),
        CacheBlock(Extension.Zicboz, 4, nameof(CacheBlockOps.Zero)),
    ];

    private static HandlerReference System(string method) => new(typeof(SystemOps), method);

    private static InstructionPattern Csr(uint funct3, Format format, string write, string? readOnly)
        => new(Extension.Zicsr, 0x707f, funct3 << 12 | 0x73, format, new(typeof(CsrOps), write))
        {
            ReadOnly = readOnly is null ? null : new(typeof(CsrOps), readOnly),
        };

    private static InstructionPattern CacheBlock(Extension extension, uint operation, string method)
        => new(extension, 0xfff0_7fff, operation << 20 | 0x200f, Format.Plain, new(typeof(CacheBlockOps), method));

    private static IEnumerable<InstructionPattern> StoreLoadFences()
    {
        // pred: I O R W in bits 27-24, succ: I O R W in bits 23-20.
        foreach (var store in (uint[])[1u << 24, 1u << 26])
        {
            foreach (var load in (uint[])[1u << 21, 1u << 23])
                yield return new(Extension.I, store | load | 0x707f, store | load | 0x000f, Format.Plain, System(nameof(SystemOps.Fence)));
        }
    }
}
