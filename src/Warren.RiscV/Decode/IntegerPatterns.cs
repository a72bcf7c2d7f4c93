using Warren.RiscV.Execute;
using static Warren.RiscV.Decode.InstructionPattern;

namespace Warren.RiscV.Decode;

/// <summary>RV64I and M.</summary>
internal static class IntegerPatterns
{
    private const uint OpImm = 0x13;
    private const uint OpImm32 = 0x1b;
    private const uint Op = 0x33;
    private const uint Op32 = 0x3b;

    internal static InstructionPattern[] All { get; } =
    [
        new(Extension.I, 0x7f, 0x37, Format.UpperImmediate, new(typeof(Jumps), nameof(Jumps.LoadImmediate))),
        new(Extension.I, 0x7f, 0x17, Format.PageRelative, new(typeof(Jumps), nameof(Jumps.Auipc))),
        new(Extension.I, 0x7f, 0x6f, Format.Jump, new(typeof(Jumps), nameof(Jumps.Jal))),
        new(Extension.I, 0x707f, 0x67, Format.JumpRegister, new(typeof(Jumps), nameof(Jumps.Jalr))),
        Branch<IfEqual>(0),
        Branch<IfNotEqual>(1),
        Branch<IfLess>(4),
        Branch<IfGreaterOrEqual>(5),
        Branch<IfLessUnsigned>(6),
        Branch<IfGreaterOrEqualUnsigned>(7),
        Load<SignedByte>(Extension.I, Format.Load, 0x03, 0),
        Load<SignedHalf>(Extension.I, Format.Load, 0x03, 1),
        Load<SignedWord>(Extension.I, Format.Load, 0x03, 2),
        Load<Doubleword>(Extension.I, Format.Load, 0x03, 3),
        Load<UnsignedByte>(Extension.I, Format.Load, 0x03, 4),
        Load<UnsignedHalf>(Extension.I, Format.Load, 0x03, 5),
        Load<UnsignedWord>(Extension.I, Format.Load, 0x03, 6),
        Store<UnsignedByte>(Extension.I, Format.Store, 0x23, 0),
        Store<UnsignedHalf>(Extension.I, Format.Store, 0x23, 1),
        Store<UnsignedWord>(Extension.I, Format.Store, 0x23, 2),
        Store<Doubleword>(Extension.I, Format.Store, 0x23, 3),
        Immediate<Add>(OpImm, 0),
        Immediate<Slt>(OpImm, 2),
        Immediate<Sltu>(OpImm, 3),
        Immediate<Xor>(OpImm, 4),
        Immediate<Or>(OpImm, 6),
        Immediate<And>(OpImm, 7),
        Shift<Sll>(Extension.I, OpImm, 1, 0x00, 6),
        Shift<Srl>(Extension.I, OpImm, 5, 0x00, 6),
        Shift<Sra>(Extension.I, OpImm, 5, 0x20, 6),
        Immediate<Addw>(OpImm32, 0),
        Shift<Sllw>(Extension.I, OpImm32, 1, 0x00, 5),
        Shift<Srlw>(Extension.I, OpImm32, 5, 0x00, 5),
        Shift<Sraw>(Extension.I, OpImm32, 5, 0x20, 5),
        Registers<Add>(Extension.I, Op, 0, 0x00),
        Registers<Sub>(Extension.I, Op, 0, 0x20),
        Registers<Sll>(Extension.I, Op, 1, 0x00),
        Registers<Slt>(Extension.I, Op, 2, 0x00),
        Registers<Sltu>(Extension.I, Op, 3, 0x00),
        Registers<Xor>(Extension.I, Op, 4, 0x00),
        Registers<Srl>(Extension.I, Op, 5, 0x00),
        Registers<Sra>(Extension.I, Op, 5, 0x20),
        Registers<Or>(Extension.I, Op, 6, 0x00),
        Registers<And>(Extension.I, Op, 7, 0x00),
        Registers<Addw>(Extension.I, Op32, 0, 0x00),
        Registers<Subw>(Extension.I, Op32, 0, 0x20),
        Registers<Sllw>(Extension.I, Op32, 1, 0x00),
        Registers<Srlw>(Extension.I, Op32, 5, 0x00),
        Registers<Sraw>(Extension.I, Op32, 5, 0x20),
        Registers<Mul>(Extension.M, Op, 0, 0x01),
        Registers<Mulh>(Extension.M, Op, 1, 0x01),
        Registers<Mulhsu>(Extension.M, Op, 2, 0x01),
        Registers<Mulhu>(Extension.M, Op, 3, 0x01),
        Registers<Div>(Extension.M, Op, 4, 0x01),
        Registers<Divu>(Extension.M, Op, 5, 0x01),
        Registers<Rem>(Extension.M, Op, 6, 0x01),
        Registers<Remu>(Extension.M, Op, 7, 0x01),
        Registers<Mulw>(Extension.M, Op32, 0, 0x01),
        Registers<Divw>(Extension.M, Op32, 4, 0x01),
        Registers<Divuw>(Extension.M, Op32, 5, 0x01),
        Registers<Remw>(Extension.M, Op32, 6, 0x01),
        Registers<Remuw>(Extension.M, Op32, 7, 0x01),
    ];
}
