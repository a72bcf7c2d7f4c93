using Warren.RiscV.Execute;
using static Warren.RiscV.Decode.InstructionPattern;

namespace Warren.RiscV.Decode;

/// <summary>Zba, Zbb and Zbs.</summary>
internal static class BitPatterns
{
    private const uint OpImm = 0x13;
    private const uint OpImm32 = 0x1b;
    private const uint Op = 0x33;
    private const uint Op32 = 0x3b;

    internal static InstructionPattern[] All { get; } =
    [
        Registers<AddUw>(Extension.Zba, Op32, 0, 0x04),
        Registers<Sh1add>(Extension.Zba, Op, 2, 0x10),
        Registers<Sh2add>(Extension.Zba, Op, 4, 0x10),
        Registers<Sh3add>(Extension.Zba, Op, 6, 0x10),
        Registers<Sh1addUw>(Extension.Zba, Op32, 2, 0x10),
        Registers<Sh2addUw>(Extension.Zba, Op32, 4, 0x10),
        Registers<Sh3addUw>(Extension.Zba, Op32, 6, 0x10),
        Shift<SlliUw>(Extension.Zba, OpImm32, 1, 0x04, 6),
        Registers<Andn>(Extension.Zbb, Op, 7, 0x20),
        Registers<Orn>(Extension.Zbb, Op, 6, 0x20),
        Registers<Xnor>(Extension.Zbb, Op, 4, 0x20),
        Registers<Max>(Extension.Zbb, Op, 6, 0x05),
        Registers<Maxu>(Extension.Zbb, Op, 7, 0x05),
        Registers<Min>(Extension.Zbb, Op, 4, 0x05),
        Registers<Minu>(Extension.Zbb, Op, 5, 0x05),
        Registers<Rol>(Extension.Zbb, Op, 1, 0x30),
        Registers<Ror>(Extension.Zbb, Op, 5, 0x30),
        Shift<Ror>(Extension.Zbb, OpImm, 5, 0x30, 6),
        Registers<Rolw>(Extension.Zbb, Op32, 1, 0x30),
        Registers<Rorw>(Extension.Zbb, Op32, 5, 0x30),
        Shift<Rorw>(Extension.Zbb, OpImm32, 5, 0x30, 5),
        Unary<Clz>(Extension.Zbb, OpImm, 1, 0x600),
        Unary<Ctz>(Extension.Zbb, OpImm, 1, 0x601),
        Unary<Cpop>(Extension.Zbb, OpImm, 1, 0x602),
        Unary<SextB>(Extension.Zbb, OpImm, 1, 0x604),
        Unary<SextH>(Extension.Zbb, OpImm, 1, 0x605),
        Unary<OrcB>(Extension.Zbb, OpImm, 5, 0x287),
        Unary<Rev8>(Extension.Zbb, OpImm, 5, 0x6b8),
        Unary<Clzw>(Extension.Zbb, OpImm32, 1, 0x600),
        Unary<Ctzw>(Extension.Zbb, OpImm32, 1, 0x601),
        Unary<Cpopw>(Extension.Zbb, OpImm32, 1, 0x602),
        Unary<ZextH>(Extension.Zbb, Op32, 4, 0x080),
        Registers<Bclr>(Extension.Zbs, Op, 1, 0x24),
        Registers<Bext>(Extension.Zbs, Op, 5, 0x24),
        Registers<Binv>(Extension.Zbs, Op, 1, 0x34),
        Registers<Bset>(Extension.Zbs, Op, 1, 0x14),
        Shift<Bclr>(Extension.Zbs, OpImm, 1, 0x24, 6),
        Shift<Bext>(Extension.Zbs, OpImm, 5, 0x24, 6),
        Shift<Binv>(Extension.Zbs, OpImm, 1, 0x34, 6),
        Shift<Bset>(Extension.Zbs, OpImm, 1, 0x14, 6),
    ];
}
