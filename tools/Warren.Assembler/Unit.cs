namespace Warren.Asm;

/// <summary>
/// One assembly: pass one reads statements into sections and notes what it cannot know yet, pass two lays the sections out and
/// fills that in. Every size is fixed in pass one: there is no relaxation.
/// </summary>
internal sealed partial class Unit
{
    private readonly AssemblerOptions _options;
    private readonly List<AssemblyError> _errors = [];
    private readonly List<Fixup> _fixups = [];
    private readonly List<Section> _sections = [];
    private readonly SymbolTable _symbols;
    private readonly InstructionSink _sink;
    private readonly InstructionEncoder _encoder;
    private readonly AddressMacros _addresses;
    private readonly Stack<bool> _optionStack = new();
    private SourceLine _line;

    public Unit(AssemblerOptions options)
    {
        _options = options;
        _sections.Add(new Section(".text", SectionKind.Code));
        _symbols = new SymbolTable { Current = _sections[0] };
        _sink = new InstructionSink(_symbols, _fixups) { Compress = options.Compress };
        _encoder = new InstructionEncoder(_symbols, _sink);
        _addresses = new AddressMacros(_symbols, _sink);
        foreach ((var name, var value) in options.Defines)
            _symbols.Assign(name, new ConstantExpression(value));
    }

    public void Read(string text, string file) => Guard(new SourceLine("", new SourceLocation(file, 1)), () => Run(Text.Lines(text, file)));

    /// <exception cref="AssemblyException">Any statement was wrong.</exception>
    public AssemblyResult Finish()
    {
        ThrowIfWrong();
        var end = Layout.Place(_sections, _options);
        var auipcs = new Dictionary<ulong, Expression>();
        foreach (var fixup in _fixups)
        {
            if (fixup.Part == Part.PcRelHi)
                auipcs[fixup.Section.Address + (uint)fixup.Offset] = fixup.Value;
        }
        foreach (var fixup in _fixups)
            Guard(fixup.Line, () => fixup.Apply(auipcs));
        var values = SymbolValues();
        var entry = _options.Base;
        if (_options.Entry is { } wanted && !values.TryGetValue(wanted, out entry))
            _errors.Add(new AssemblyError(new SourceLocation(_options.FileName, 1), $"the entry symbol '{wanted}' is not defined"));
        if (_options.Entry is null && values.TryGetValue("_start", out var start))
            entry = start;
        ThrowIfWrong();
        var bytes = _options.Output == OutputKind.Elf
            ? new ElfWriter(_sections, _symbols, entry, _options.Base).Write()
            : Layout.Flatten(_sections, _options.Base, end);
        return new AssemblyResult(bytes, _options.Base, entry, values);
    }

    private Dictionary<string, ulong> SymbolValues()
    {
        var values = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var symbol in _symbols.All)
        {
            if (symbol.Defined)
                Guard(default, () => values.Add(symbol.Name, (ulong)new SymbolExpression(symbol).Evaluate()));
        }
        return values;
    }

    private void ThrowIfWrong()
    {
        if (_errors.Count > 0)
            throw new AssemblyException(_errors);
    }

    /// <summary>Runs a step; what it finds wrong is recorded at <paramref name="line"/>.</summary>
    private void Guard(SourceLine line, Action step)
    {
        try
        {
            step();
        }
        catch (StatementException e)
        {
            _errors.Add(new AssemblyError(line.Location, e.Message + line.Trail));
            if (_errors.Count >= AssemblyException.MaximumErrors)
                ThrowIfWrong();
        }
    }

    /// <summary>One statement: labels, then an assignment, a directive, a macro call or an instruction.</summary>
    private void Statement(SourceLine line)
    {
        _line = line;
        _sink.Line = line;
        var text = TakeLabels(line.Text);
        _symbols.StatementStart = _symbols.Current.Length;
        if (text.Length == 0)
            return;
        var length = Text.NameLength(text);
        if (length == 0)
            throw new StatementException($"'{text}' is not a statement");
        var name = text[..length];
        var rest = text[length..].TrimStart();
        if (rest.StartsWith('=') && !rest.StartsWith("==", StringComparison.Ordinal))
            _symbols.Assign(name, Operand.Expression(rest[1..], _symbols));
        else if (name[0] == '.')
            Directive(name, rest);
        else
            Instruction(name, Text.SplitOperands(rest));
    }

    private string TakeLabels(string text)
    {
        while (true)
        {
            var length = Text.NameLength(text);
            if (length == 0)
            {
                while (length < text.Length && char.IsAsciiDigit(text[length]))
                    length++;
            }
            var after = text[length..].TrimStart();
            if (length == 0 || !after.StartsWith(':'))
                return text;
            var name = text[..length];
            if (char.IsAsciiDigit(name[0]))
                _symbols.DefineNumeric(name);
            else
                _symbols.DefineLabel(name);
            text = after[1..].TrimStart();
        }
    }

    private void Instruction(string mnemonic, List<string> operands)
    {
        if (_addresses.TryEncode(mnemonic, operands))
            return;
        if (PseudoInstructions.Rewrite(mnemonic, operands) is { } rewritten)
            (mnemonic, operands) = rewritten;
        if (!InstructionTable.TryGet(mnemonic, out var form))
            throw new StatementException($"'{mnemonic}' with {operands.Count} operands is no instruction, macro or directive known here");
        _encoder.Encode(mnemonic, form, operands);
    }
}
