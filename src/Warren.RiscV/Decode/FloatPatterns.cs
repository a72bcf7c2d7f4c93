using Warren.RiscV.Execute;

namespace Warren.RiscV.Decode;

/// <summary>F and D.</summary>
internal static class FloatPatterns
{
    private const uint OpFloat = 0x53;

    internal static InstructionPattern[] All { get; } =
    [
        Memory(Extension.F, 0x07, 2, Format.FloatLoad, nameof(FloatMemory.LoadSingle)),
        Memory(Extension.D, 0x07, 3, Format.FloatLoad, nameof(FloatMemory.LoadDouble)),
        Memory(Extension.F, 0x27, 2, Format.FloatStore, nameof(FloatMemory.StoreSingle)),
        Memory(Extension.D, 0x27, 3, Format.FloatStore, nameof(FloatMemory.StoreDouble)),
        Rounding<AddSingle>(Extension.F, 0x00, Format.Float),
        Rounding<SubtractSingle>(Extension.F, 0x04, Format.Float),
        Rounding<MultiplySingle>(Extension.F, 0x08, Format.Float),
        Rounding<DivideSingle>(Extension.F, 0x0c, Format.Float),
        Converting<SquareRootSingle>(Extension.F, 0x2c, 0, Format.Float),
        Fused<MultiplyAddSingle>(Extension.F, 0x43, 0),
        Fused<MultiplySubtractSingle>(Extension.F, 0x47, 0),
        Fused<NegatedMultiplySubtractSingle>(Extension.F, 0x4b, 0),
        Fused<NegatedMultiplyAddSingle>(Extension.F, 0x4f, 0),
        Selecting<InjectSignSingle>(Extension.F, 0x10, 0, Format.Float),
        Selecting<InjectNegatedSignSingle>(Extension.F, 0x10, 1, Format.Float),
        Selecting<InjectXoredSignSingle>(Extension.F, 0x10, 2, Format.Float),
        Selecting<MinimumSingle>(Extension.F, 0x14, 0, Format.Float),
        Selecting<MaximumSingle>(Extension.F, 0x14, 1, Format.Float),
        Selecting<IsEqualSingle>(Extension.F, 0x50, 2, Format.FloatToInteger),
        Selecting<IsLessSingle>(Extension.F, 0x50, 1, Format.FloatToInteger),
        Selecting<IsLessOrEqualSingle>(Extension.F, 0x50, 0, Format.FloatToInteger),
        Moving<ClassifySingle>(Extension.F, 0x70, 1, Format.FloatToInteger),
        Converting<SingleToInt32>(Extension.F, 0x60, 0, Format.FloatToInteger),
        Converting<SingleToUInt32>(Extension.F, 0x60, 1, Format.FloatToInteger),
        Converting<SingleToInt64>(Extension.F, 0x60, 2, Format.FloatToInteger),
        Converting<SingleToUInt64>(Extension.F, 0x60, 3, Format.FloatToInteger),
        Converting<SingleFromInt32>(Extension.F, 0x68, 0, Format.IntegerToFloat),
        Converting<SingleFromUInt32>(Extension.F, 0x68, 1, Format.IntegerToFloat),
        Converting<SingleFromInt64>(Extension.F, 0x68, 2, Format.IntegerToFloat),
        Converting<SingleFromUInt64>(Extension.F, 0x68, 3, Format.IntegerToFloat),
        Moving<MoveFromSingle>(Extension.F, 0x70, 0, Format.FloatToInteger),
        Moving<MoveToSingle>(Extension.F, 0x78, 0, Format.IntegerToFloat),
        Rounding<AddDouble>(Extension.D, 0x01, Format.Float),
        Rounding<SubtractDouble>(Extension.D, 0x05, Format.Float),
        Rounding<MultiplyDouble>(Extension.D, 0x09, Format.Float),
        Rounding<DivideDouble>(Extension.D, 0x0d, Format.Float),
        Converting<SquareRootDouble>(Extension.D, 0x2d, 0, Format.Float),
        Fused<MultiplyAddDouble>(Extension.D, 0x43, 1),
        Fused<MultiplySubtractDouble>(Extension.D, 0x47, 1),
        Fused<NegatedMultiplySubtractDouble>(Extension.D, 0x4b, 1),
        Fused<NegatedMultiplyAddDouble>(Extension.D, 0x4f, 1),
        Selecting<InjectSignDouble>(Extension.D, 0x11, 0, Format.Float),
        Selecting<InjectNegatedSignDouble>(Extension.D, 0x11, 1, Format.Float),
        Selecting<InjectXoredSignDouble>(Extension.D, 0x11, 2, Format.Float),
        Selecting<MinimumDouble>(Extension.D, 0x15, 0, Format.Float),
        Selecting<MaximumDouble>(Extension.D, 0x15, 1, Format.Float),
        Selecting<IsEqualDouble>(Extension.D, 0x51, 2, Format.FloatToInteger),
        Selecting<IsLessDouble>(Extension.D, 0x51, 1, Format.FloatToInteger),
        Selecting<IsLessOrEqualDouble>(Extension.D, 0x51, 0, Format.FloatToInteger),
        Moving<ClassifyDouble>(Extension.D, 0x71, 1, Format.FloatToInteger),
        Converting<DoubleToInt32>(Extension.D, 0x61, 0, Format.FloatToInteger),
        Converting<DoubleToUInt32>(Extension.D, 0x61, 1, Format.FloatToInteger),
        Converting<DoubleToInt64>(Extension.D, 0x61, 2, Format.FloatToInteger),
        Converting<DoubleToUInt64>(Extension.D, 0x61, 3, Format.FloatToInteger),
        Converting<DoubleFromInt32>(Extension.D, 0x69, 0, Format.IntegerToFloat),
        Converting<DoubleFromUInt32>(Extension.D, 0x69, 1, Format.IntegerToFloat),
        Converting<DoubleFromInt64>(Extension.D, 0x69, 2, Format.IntegerToFloat),
        Converting<DoubleFromUInt64>(Extension.D, 0x69, 3, Format.IntegerToFloat),
        Moving<MoveDouble>(Extension.D, 0x71, 0, Format.FloatToInteger),
        Moving<MoveDouble>(Extension.D, 0x79, 0, Format.IntegerToFloat),
        Converting<SingleFromDouble>(Extension.D, 0x20, 1, Format.Float),
        Converting<DoubleFromSingle>(Extension.D, 0x21, 0, Format.Float),
    ];

    private static InstructionPattern Memory(Extension extension, uint opcode, uint funct3, Format format, string method)
        => new(extension, 0x707f, funct3 << 12 | opcode, format, new(typeof(FloatMemory), method));

    /// <summary>Two sources and a rounding mode.</summary>
    private static InstructionPattern Rounding<T>(Extension extension, uint funct7, Format format)
        where T : struct, IFloatOperator
        => new(extension, 0xfe00_007f, funct7 << 25 | OpFloat, format, Handler<T>());

    /// <summary>One source and a rounding mode; the rs2 field is part of the opcode.</summary>
    private static InstructionPattern Converting<T>(Extension extension, uint funct7, uint rs2, Format format)
        where T : struct, IFloatOperator
        => new(extension, 0xfff0_007f, funct7 << 25 | rs2 << 20 | OpFloat, format, Handler<T>());

    /// <summary>Two sources, the rounding field being part of the opcode.</summary>
    private static InstructionPattern Selecting<T>(Extension extension, uint funct7, uint funct3, Format format)
        where T : struct, IFloatOperator
        => new(extension, 0xfe00_707f, funct7 << 25 | funct3 << 12 | OpFloat, format, Handler<T>());

    /// <summary>One source and nothing else.</summary>
    private static InstructionPattern Moving<T>(Extension extension, uint funct7, uint funct3, Format format)
        where T : struct, IFloatOperator
        => new(extension, 0xfff0_707f, funct7 << 25 | funct3 << 12 | OpFloat, format, Handler<T>());

    /// <summary>Three sources and a rounding mode.</summary>
    private static InstructionPattern Fused<T>(Extension extension, uint opcode, uint format)
        where T : struct, IFloatOperator
        => new(extension, 0x0600_007f, format << 25 | opcode, Format.Float, Handler<T>());

    private static HandlerReference Handler<T>()
        where T : struct, IFloatOperator
        => new(typeof(Float<T>), nameof(Float<T>.Run));
}
