using Warren.RiscV.Execute;
using static Warren.RiscV.Decode.InstructionPattern;

namespace Warren.RiscV.Decode;

/// <summary>The A extension. LR demands rs2 = 0.</summary>
internal static class AtomicPatterns
{
    internal static InstructionPattern[] All { get; } =
    [
        new(Extension.A, 0xf9f0_707f, 0x1000_202f, Format.Atomic,
            new(typeof(LoadReserved<SignedWord>), nameof(LoadReserved<SignedWord>.Run))),
        new(Extension.A, 0xf9f0_707f, 0x1000_302f, Format.Atomic,
            new(typeof(LoadReserved<Doubleword>), nameof(LoadReserved<Doubleword>.Run))),
        Atomic(2, 0x03, typeof(StoreConditional<SignedWord>)),
        Atomic(3, 0x03, typeof(StoreConditional<Doubleword>)),
        Atomic(2, 0x01, typeof(Amo<SwapWord, SignedWord>)),
        Atomic(3, 0x01, typeof(Amo<SwapDouble, Doubleword>)),
        Atomic(2, 0x00, typeof(Amo<FetchAddWord, SignedWord>)),
        Atomic(3, 0x00, typeof(Amo<FetchAddDouble, Doubleword>)),
        Atomic(2, 0x04, typeof(Amo<CombineWord<CombineXor>, SignedWord>)),
        Atomic(3, 0x04, typeof(Amo<CombineDouble<CombineXor>, Doubleword>)),
        Atomic(2, 0x0c, typeof(Amo<AndWord, SignedWord>)),
        Atomic(3, 0x0c, typeof(Amo<AndDouble, Doubleword>)),
        Atomic(2, 0x08, typeof(Amo<OrWord, SignedWord>)),
        Atomic(3, 0x08, typeof(Amo<OrDouble, Doubleword>)),
        Atomic(2, 0x10, typeof(Amo<CombineWord<CombineMin>, SignedWord>)),
        Atomic(3, 0x10, typeof(Amo<CombineDouble<CombineMin>, Doubleword>)),
        Atomic(2, 0x14, typeof(Amo<CombineWord<CombineMax>, SignedWord>)),
        Atomic(3, 0x14, typeof(Amo<CombineDouble<CombineMax>, Doubleword>)),
        Atomic(2, 0x18, typeof(Amo<CombineWord<CombineMinUnsigned>, SignedWord>)),
        Atomic(3, 0x18, typeof(Amo<CombineDouble<CombineMinUnsigned>, Doubleword>)),
        Atomic(2, 0x1c, typeof(Amo<CombineWord<CombineMaxUnsigned>, SignedWord>)),
        Atomic(3, 0x1c, typeof(Amo<CombineDouble<CombineMaxUnsigned>, Doubleword>)),
    ];
}
