using Warren.RiscV.Execute;

namespace Warren.RiscV.Decode;

/// <summary>One instruction: which encodings are it, where its operands are, who executes it.</summary>
internal sealed class InstructionPattern(Extension extension, uint mask, uint match, Format format, HandlerReference handler)
{
    internal Extension Extension { get; } = extension;

    internal uint Mask { get; } = mask;

    internal uint Match { get; } = match;

    internal Format Format { get; } = format;

    internal HandlerReference Handler { get; } = handler;

    /// <summary>The handler for rd = rs1, if there is a special one.</summary>
    internal HandlerReference? InPlace { get; init; }

    /// <summary>True when a write of x0 or by x0 makes a CSR instruction a mere read.</summary>
    internal HandlerReference? ReadOnly { get; init; }

    internal bool Matches(uint bits) => (bits & Mask) == Match;

    /// <summary>rd = f(rs1, rs2) on opcode, funct3 and funct7.</summary>
    internal static InstructionPattern Registers<T>(Extension extension, uint opcode, uint funct3, uint funct7)
        where T : struct, IBinaryOperator
        => new(extension, 0xfe00_707f, funct7 << 25 | funct3 << 12 | opcode, Format.Registers,
            new(typeof(Alu<T>), nameof(Alu<T>.Registers)))
        {
            InPlace = new(typeof(Alu<T>), nameof(Alu<T>.RegistersInPlace)),
        };

    /// <summary>rd = f(rs1, immediate) on opcode and funct3.</summary>
    internal static InstructionPattern Immediate<T>(uint opcode, uint funct3)
        where T : struct, IBinaryOperator
        => new(Extension.I, 0x707f, funct3 << 12 | opcode, Format.Immediate, new(typeof(Alu<T>), nameof(Alu<T>.Immediate)))
        {
            InPlace = new(typeof(Alu<T>), nameof(Alu<T>.ImmediateInPlace)),
        };

    /// <summary>rd = f(rs1, shamt) with <paramref name="bits"/> bits of shift amount.</summary>
    internal static InstructionPattern Shift<T>(Extension extension, uint opcode, uint funct3, uint funct7, int bits)
        where T : struct, IBinaryOperator
        => new(
            extension,
            (bits == 6 ? 0xfc00_0000 : 0xfe00_0000) | 0x707f,
            funct7 << 25 | funct3 << 12 | opcode,
            Format.Shift,
            new(typeof(Alu<T>), nameof(Alu<T>.Immediate)))
        {
            InPlace = new(typeof(Alu<T>), nameof(Alu<T>.ImmediateInPlace)),
        };

    /// <summary>rd = f(rs1), the whole rs2 field being part of the opcode.</summary>
    internal static InstructionPattern Unary<T>(Extension extension, uint opcode, uint funct3, uint upper)
        where T : struct, IUnaryOperator
        => new(extension, 0xfff0_707f, upper << 20 | funct3 << 12 | opcode, Format.Unary,
            new(typeof(Unary<T>), nameof(Execute.Unary<T>.Register)));

    internal static InstructionPattern Load<T>(Extension extension, Format format, uint opcode, uint funct3)
        where T : struct, ILoad
        => new(extension, 0x707f, funct3 << 12 | opcode, format, new(typeof(Load<T>), nameof(Execute.Load<T>.Run)));

    internal static InstructionPattern Store<T>(Extension extension, Format format, uint opcode, uint funct3)
        where T : struct, IStore
        => new(extension, 0x707f, funct3 << 12 | opcode, format, new(typeof(Store<T>), nameof(Execute.Store<T>.Run)));

    internal static InstructionPattern Branch<T>(uint funct3)
        where T : struct, ICondition
        => new(Extension.I, 0x707f, funct3 << 12 | 0x63, Format.Branch, new(typeof(Branch<T>), nameof(Execute.Branch<T>.Registers)));

    /// <summary>An AMO on aq, rl: any.</summary>
    internal static InstructionPattern Atomic(uint funct3, uint funct5, Type handler)
        => new(Extension.A, 0xf800_707f, funct5 << 27 | funct3 << 12 | 0x2f, Format.Atomic, new(handler, "Run"));
}
