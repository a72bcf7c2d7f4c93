namespace Warren.Asm;

/// <summary>Names, numeric labels and the current place.</summary>
internal sealed class SymbolTable
{
    private readonly Dictionary<string, Symbol> _symbols = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Symbol> _nextNumeric = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Symbol> _lastNumeric = new(StringComparer.Ordinal);

    /// <summary>Where the next byte goes; the assembler keeps it current.</summary>
    public required Section Current { get; set; }

    /// <summary>Offset in <see cref="Current"/> that <c>.</c> means: the start of the statement.</summary>
    public int StatementStart { get; set; }

    public IEnumerable<Symbol> All => _symbols.Values;

    public Symbol Get(string name)
    {
        if (!_symbols.TryGetValue(name, out var symbol))
            _symbols.Add(name, symbol = new Symbol(name));
        return symbol;
    }

    public bool IsDefined(string name) => _symbols.TryGetValue(name, out var symbol) && symbol.Defined;

    public bool TryGet(string name, out Symbol symbol) => _symbols.TryGetValue(name, out symbol!);

    public Expression Here() => new SymbolExpression(new Symbol(".") { Section = Current, Value = StatementStart, Defined = true });

    /// <summary>The value now of an assigned constant (it may be assigned again later), else the symbol itself.</summary>
    public Expression Reference(string name)
    {
        var symbol = Get(name);
        return symbol is { Assigned: true, Defined: true, Section: null, Later: null } ? new ConstantExpression(symbol.Value)
            : new SymbolExpression(symbol);
    }

    public Expression NumericReference(string number, bool forward)
    {
        if (forward)
        {
            if (!_nextNumeric.TryGetValue(number, out var next))
                _nextNumeric.Add(number, next = new Symbol(number + "f"));
            return new SymbolExpression(next);
        }
        return _lastNumeric.TryGetValue(number, out var last)
            ? new SymbolExpression(last)
            : throw new StatementException($"'{number}b': no label {number}: stands before this line");
    }

    public void DefineNumeric(string number)
    {
        if (!_nextNumeric.Remove(number, out var symbol))
            symbol = new Symbol(number);
        Place(symbol);
        _lastNumeric[number] = symbol;
    }

    public void DefineLabel(string name)
    {
        var symbol = Get(name);
        if (symbol.Defined)
            throw new StatementException($"'{name}' is defined twice");
        Place(symbol);
    }

    public void Assign(string name, Expression value)
    {
        var symbol = Get(name);
        if (symbol is { Defined: true, Assigned: false })
            throw new StatementException($"'{name}' is a label and cannot be set");
        symbol.Defined = symbol.Assigned = true;
        var known = value.TryFold(out var folded);
        symbol.Section = folded.Section;
        symbol.Value = folded.Value;
        symbol.Later = known ? null : value;
    }

    private void Place(Symbol symbol)
    {
        symbol.Section = Current;
        symbol.Value = Current.Length;
        symbol.Defined = true;
    }
}
