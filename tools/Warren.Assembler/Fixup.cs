using System.Buffers.Binary;

namespace Warren.Asm;

/// <summary>The bits of an instruction or of data that take a value known only when all addresses are.</summary>
internal enum Field
{
    /// <summary>I-type immediate: 12 bits, signed.</summary>
    I,

    /// <summary>S-type immediate: 12 bits, signed.</summary>
    S,

    /// <summary>A prefetch offset: S-type with the low five bits zero.</summary>
    Prefetch,

    /// <summary>U-type immediate: 20 bits.</summary>
    U,

    /// <summary>Conditional branch: ±4 KiB from the instruction.</summary>
    Branch,

    /// <summary>Jump and link: ±1 MiB.</summary>
    Jump,

    /// <summary>Compressed branch: ±256 bytes.</summary>
    CBranch,

    /// <summary>Compressed jump: ±2 KiB.</summary>
    CJump,

    Byte,
    Half,
    Word,
    Dword,
}

/// <summary>The part of the expression's value that is wanted: the operand's <c>%</c> prefix.</summary>
internal enum Part
{
    Whole,
    Hi,
    Lo,
    PcRelHi,

    /// <summary>The expression is the label of an AUIPC whose low part is wanted.</summary>
    PcRelLo,

    /// <summary>The low part for the AUIPC four bytes before.</summary>
    PcRelLoOfPrevious,
}

/// <summary>A value to be written into <paramref name="Section"/> at <paramref name="Offset"/> in pass two.</summary>
internal sealed record Fixup(Section Section, int Offset, Field Field, Part Part, Expression Value, SourceLine Line)
{
    private ulong Address => Section.Address + (uint)Offset;

    /// <param name="auipcs">For <see cref="Part.PcRelLo"/>: the value that the AUIPC at an address was given.</param>
    /// <exception cref="StatementException">The value does not fit, or a symbol is undefined.</exception>
    public void Apply(IReadOnlyDictionary<ulong, Expression> auipcs)
    {
        var place = Section.Bytes[Offset..];
        var value = Select(auipcs);
        switch (Field)
        {
            case Field.Byte:
                Require(value is >= sbyte.MinValue and <= byte.MaxValue, value, "a byte");
                place[0] = (byte)value;
                break;
            case Field.Half:
                Require(value is >= short.MinValue and <= ushort.MaxValue, value, "16 bits");
                BinaryPrimitives.WriteUInt16LittleEndian(place, (ushort)value);
                break;
            case Field.Word:
                Require(value is >= int.MinValue and <= uint.MaxValue, value, "32 bits");
                BinaryPrimitives.WriteUInt32LittleEndian(place, (uint)value);
                break;
            case Field.Dword:
                BinaryPrimitives.WriteInt64LittleEndian(place, value);
                break;
            case Field.CBranch or Field.CJump:
                var half = BinaryPrimitives.ReadUInt16LittleEndian(place);
                BinaryPrimitives.WriteUInt16LittleEndian(place, (ushort)(half | Bits(value)));
                break;
            default:
                var word = BinaryPrimitives.ReadUInt32LittleEndian(place);
                BinaryPrimitives.WriteUInt32LittleEndian(place, word | Bits(value));
                break;
        }
    }

    private long Select(IReadOnlyDictionary<ulong, Expression> auipcs)
    {
        var value = Value.Evaluate();
        switch (Part)
        {
            case Part.Hi:
                return High(value);
            case Part.Lo:
                return Immediate.Low12(value);
            case Part.PcRelHi:
                return High(value - (long)Address);
            case Part.PcRelLoOfPrevious:
                return Immediate.Low12(value - (long)Address + 4);
            case Part.PcRelLo:
                if (!auipcs.TryGetValue((ulong)value, out var target))
                    throw new StatementException("%pcrel_lo wants the label of an auipc with %pcrel_hi");
                return Immediate.Low12(target.Evaluate() - value);
            default:
                return value;
        }
    }

    private static long High(long value)
    {
        var high = value + 0x800;
        Require(high is >= int.MinValue and <= int.MaxValue, value, "the 32 bits that lui or auipc reach");
        return (high >> 12) & 0xfffff;
    }

    private uint Bits(long value)
    {
        switch (Field)
        {
            case Field.I:
                Require(value is >= -2048 and <= 2047, value, "12 bits (-2048..2047)");
                return Immediate.I(value);
            case Field.S:
                Require(value is >= -2048 and <= 2047, value, "12 bits (-2048..2047)");
                return Immediate.S(value);
            case Field.Prefetch:
                Require(value is >= -2048 and <= 2047 && (value & 31) == 0, value, "a multiple of 32 in -2048..2047");
                return Immediate.S(value);
            case Field.U:
                Require(value is >= 0 and <= 0xfffff, value, "20 bits (0..0xfffff)");
                return Immediate.U(value);
            default:
                return Relative(value - (long)Address);
        }
    }

    private uint Relative(long distance)
    {
        long reach = Field switch
        {
            Field.Branch => 1 << 12,
            Field.Jump => 1 << 20,
            Field.CBranch => 1 << 8,
            _ => 1 << 11,
        };
        if (distance < -reach || distance >= reach)
        {
            throw new StatementException(
                $"the target is {distance} bytes away, out of reach of this instruction (-{reach}..{reach - 2}); branch around a 'j' or "
                    + $"use 'tail'");
        }
        if ((distance & 1) != 0)
            throw new StatementException($"the target is {distance} bytes away: an odd distance cannot be encoded");
        return Field switch
        {
            Field.Branch => Immediate.B(distance),
            Field.Jump => Immediate.J(distance),
            Field.CBranch => Immediate.CBranch(distance),
            _ => Immediate.CJump(distance),
        };
    }

    private static void Require(bool fits, long value, string what)
    {
        if (!fits)
            throw new StatementException($"{value} (0x{value:x}) does not fit {what}");
    }
}
