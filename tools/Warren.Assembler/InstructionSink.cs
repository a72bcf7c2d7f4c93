namespace Warren.Asm;

/// <summary>Where encoded instructions go: the current section, and the list of fields to fill in pass two.</summary>
internal sealed class InstructionSink(SymbolTable symbols, List<Fixup> fixups)
{
    /// <summary>The statement being assembled, for the messages of pass two.</summary>
    public SourceLine Line { get; set; }

    /// <summary>True under <c>.option rvc</c>.</summary>
    public bool Compress { get; set; }

    public void Emit(uint word, int size, (Field Field, Part Part, Expression Value)? pending = null)
    {
        var section = symbols.Current;
        if (section.Kind == SectionKind.Zero)
            throw new StatementException($"instructions cannot go into {section.Name}, which has no contents");
        if ((section.Length & 1) != 0)
            throw new StatementException("an instruction at an odd address: put .balign 2 (or 4) after the data");
        if (pending is { } field)
        {
            if (Compress && size == 4 && TryResolve(field.Field, field.Part, field.Value, out var bits)
                && Compressor.TryCompress(word | bits, out var halfField))
            {
                section.Append(halfField, 2);
                return;
            }
            fixups.Add(new Fixup(section, section.Length, field.Field, field.Part, field.Value, Line));
        }
        else if (Compress && size == 4 && Compressor.TryCompress(word, out var half))
        {
            section.Append(half, 2);
            return;
        }
        section.Append(word, size);
    }

    /// <summary>The bits of an immediate that is already known and in range.</summary>
    private static bool TryResolve(Field field, Part part, Expression value, out uint bits)
    {
        bits = 0;
        if (part != Part.Whole || !value.TryConstant(out var constant))
            return false;
        switch (field)
        {
            case Field.I when constant is >= -2048 and <= 2047:
                bits = Immediate.I(constant);
                return true;
            case Field.S when constant is >= -2048 and <= 2047:
                bits = Immediate.S(constant);
                return true;
            case Field.U when constant is >= 0 and <= 0xfffff:
                bits = Immediate.U(constant);
                return true;
            default:
                return false;
        }
    }
}
