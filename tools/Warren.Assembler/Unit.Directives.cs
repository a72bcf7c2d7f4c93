using System.Globalization;

namespace Warren.Asm;

/// <summary>The directives that work on one line.</summary>
internal sealed partial class Unit
{
    private void Directive(string name, string rest)
    {
        switch (name)
        {
            case ".text" or ".data" or ".rodata" or ".bss":
                Switch(name, null);
                break;
            case ".section":
                var parts = Text.SplitOperands(rest);
                if (parts.Count == 0)
                    throw new StatementException(".section wants a name");
                Switch(parts[0], parts.Count > 1 ? parts[1].Trim('"') : null);
                break;
            case ".global" or ".globl":
                foreach (var symbol in Text.SplitOperands(rest))
                    _symbols.Get(symbol).Global = true;
                break;
            case ".align" or ".p2align":
                Align(rest, power: true);
                break;
            case ".balign":
                Align(rest, power: false);
                break;
            case ".byte":
                Data(rest, Field.Byte, 1);
                break;
            case ".half" or ".short" or ".2byte" or ".hword":
                Data(rest, Field.Half, 2);
                break;
            case ".word" or ".long" or ".4byte" or ".int":
                Data(rest, Field.Word, 4);
                break;
            case ".dword" or ".quad" or ".8byte":
                Data(rest, Field.Dword, 8);
                break;
            case ".float" or ".single":
                foreach (var value in Text.SplitOperands(rest))
                    Bytes(4, BitConverter.SingleToUInt32Bits(Real(value, float.Parse)));
                break;
            case ".double":
                foreach (var value in Text.SplitOperands(rest))
                    Bytes(8, BitConverter.DoubleToUInt64Bits(Real(value, double.Parse)));
                break;
            case ".ascii" or ".asciz" or ".string":
                foreach (var value in Text.SplitOperands(rest))
                    String(Text.Unquote(value), name != ".ascii");
                break;
            case ".zero" or ".space" or ".skip":
                Space(rest, name);
                break;
            case ".fill":
                Fill(rest);
                break;
            case ".org":
                Origin(rest);
                break;
            case ".incbin":
                var contents = Contents(Find(rest));
                contents.CopyTo(Reserve(contents.Length));
                break;
            case ".equ" or ".set":
                var assignment = Text.SplitOperands(rest);
                if (assignment.Count != 2 || Text.NameLength(assignment[0]) != assignment[0].Length)
                    throw new StatementException($"{name} wants a name and a value");
                _symbols.Assign(assignment[0], Operand.Expression(assignment[1], _symbols));
                break;
            case ".option":
                Option(rest);
                break;
            case ".error":
                throw new StatementException(rest.Length == 0 ? ".error" : System.Text.Encoding.UTF8.GetString(Text.Unquote(rest)));
            case ".type" or ".size" or ".file" or ".ident" or ".attribute" or ".local" or ".weak" or ".hidden":
                break;
            default:
                if (!name.StartsWith(".cfi_", StringComparison.Ordinal))
                    throw new StatementException($"unknown directive '{name}'");
                break;
        }
    }

    private void Switch(string name, string? flags)
    {
        var section = _sections.Find(s => s.Name == name);
        if (section is null)
        {
            section = new Section(name, KindOf(name, flags));
            _sections.Add(section);
        }
        else if (flags is not null && KindOf(name, flags) != section.Kind)
        {
            throw new StatementException($"the section {name} was opened before with other flags");
        }
        _symbols.Current = section;
    }

    private static SectionKind KindOf(string name, string? flags)
    {
        bool Is(string stem) => name == stem || name.StartsWith(stem + ".", StringComparison.Ordinal);
        if (Is(".bss") || Is(".sbss"))
            return SectionKind.Zero;
        if (flags is null)
            return Is(".text") ? SectionKind.Code : Is(".rodata") || Is(".srodata") ? SectionKind.Constants : SectionKind.Data;
        return flags.Contains('x', StringComparison.Ordinal) ? SectionKind.Code
            : flags.Contains('w', StringComparison.Ordinal) ? SectionKind.Data : SectionKind.Constants;
    }

    private void Align(string rest, bool power)
    {
        var parts = Text.SplitOperands(rest);
        if (parts.Count is 0 or > 3)
            throw new StatementException("an alignment is missing");
        var value = Operand.Constant(parts[0], _symbols, "the alignment");
        if (power)
            value = value is >= 0 and <= 24 ? 1L << (int)value : -1;
        if (value is < 1 or > 1 << 24 || (value & (value - 1)) != 0)
        {
            throw new StatementException(
                $"'{parts[0]}' is not an alignment: {(power ? "0..24, a power of two's exponent" : "a power of two up to 2^24")}");
        }
        var section = _symbols.Current;
        section.RequireAlignment((int)value);
        var padding = (int)(-section.Length & (value - 1));
        if (parts.Count > 1 && parts[1].Length > 0)
        {
            var fill = (byte)Operand.Constant(parts[1], _symbols, "the fill byte");
            section.Append(padding).Fill(fill);
        }
        else if (section.Kind == SectionKind.Code)
        {
            PadWithNops(section, padding);
        }
        else
        {
            section.Append(padding).Clear();
        }
    }

    private static void PadWithNops(Section section, int padding)
    {
        section.Append(padding & 1).Clear();
        if ((padding & 2) != 0)
            section.Append(0x0001, 2);
        for (var i = 0; i < padding / 4; i++)
            section.Append(0x00000013, 4);
    }

    private void Data(string rest, Field field, int size)
    {
        foreach (var text in Text.SplitOperands(rest))
        {
            var value = Operand.Expression(text, _symbols);
            var fixup = new Fixup(_symbols.Current, _symbols.Current.Length, field, Part.Whole, value, _line);
            Reserve(size).Clear();
            _fixups.Add(fixup);
        }
    }

    private void Bytes(int size, ulong value)
    {
        RequireContents(value != 0);
        _symbols.Current.Append(value, size);
    }

    private static T Real<T>(string text, Func<string, NumberStyles, IFormatProvider, T> parse)
    {
        try
        {
            return parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        }
        catch (FormatException)
        {
            throw new StatementException($"'{text}' is not a decimal number");
        }
    }

    private void String(ReadOnlySpan<byte> bytes, bool terminated)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        if (terminated)
            Reserve(1).Clear();
    }

    private void Space(string rest, string name)
    {
        var parts = Text.SplitOperands(rest);
        if (parts.Count is 0 or > 2)
            throw new StatementException($"{name} wants a size and perhaps a fill byte");
        var fill = parts.Count > 1 ? (byte)Operand.Constant(parts[1], _symbols, "the fill byte") : (byte)0;
        RequireContents(fill != 0);
        _symbols.Current.Append(Size(parts[0])).Fill(fill);
    }

    private void Fill(string rest)
    {
        var parts = Text.SplitOperands(rest);
        if (parts.Count is 0 or > 3)
            throw new StatementException(".fill wants a count, a size and a value");
        var count = Size(parts[0]);
        var size = parts.Count > 1 ? Size(parts[1]) : 1;
        if (size is < 1 or > 8)
            throw new StatementException(".fill's size is in 1..8");
        var value = parts.Count > 2 ? (ulong)Operand.Constant(parts[2], _symbols, "the value") : 0;
        RequireContents(value != 0);
        for (var i = 0; i < count; i++)
            _symbols.Current.Append(value, size);
    }

    private void Origin(string rest)
    {
        var section = _symbols.Current;
        var target = Operand.Expression(rest, _symbols);
        if (!target.TryFold(out var folded) || (folded.Section is not null && folded.Section != section) || folded.Value
            < section.Length)
        {
            throw new StatementException($".org wants a place in this section at or after the current offset 0x{section.Length:x}");
        }
        section.Append(checked((int)Math.Min(folded.Value, int.MaxValue)) - section.Length).Clear();
    }

    private int Size(string text)
    {
        var value = Operand.Constant(text, _symbols, "the size");
        return value is >= 0 and <= 1 << 28 ? (int)value : throw new StatementException($"the size {value} is not in 0..2^28");
    }

    private Span<byte> Reserve(int count)
    {
        RequireContents(count > 0);
        return _symbols.Current.Append(count);
    }

    private void RequireContents(bool any)
    {
        if (any && _symbols.Current.Kind == SectionKind.Zero)
            throw new StatementException($"{_symbols.Current.Name} holds only zeroes: use .zero, or another section");
    }

    private void Option(string rest)
    {
        switch (rest.Split(',')[0].Trim())
        {
            case "rvc":
                _sink.Compress = true;
                break;
            case "norvc":
                _sink.Compress = false;
                break;
            case "push":
                _optionStack.Push(_sink.Compress);
                break;
            case "pop":
                if (!_optionStack.TryPop(out var compress))
                    throw new StatementException(".option pop without .option push");
                _sink.Compress = compress;
                break;
            case "relax" or "norelax" or "pic" or "nopic" or "arch":
                break;
            default:
                throw new StatementException($"unknown option '{rest}'");
        }
    }
}
