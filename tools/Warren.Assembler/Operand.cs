namespace Warren.Asm;

/// <summary>Reads operands that are not plain registers.</summary>
internal static class Operand
{
    /// <summary>An expression, perhaps under <c>%hi</c>, <c>%lo</c>, <c>%pcrel_hi</c> or <c>%pcrel_lo</c>.</summary>
    public static (Part Part, Expression Value) Immediate(string text, SymbolTable symbols)
    {
        if (!text.StartsWith('%'))
            return (Part.Whole, Expression(text, symbols));
        var open = text.IndexOf('(', StringComparison.Ordinal);
        if (open < 0 || text[^1] != ')')
            throw new StatementException($"'{text}': a bracketed expression is wanted after the % operator");
        var part = text[..open].TrimEnd() switch
        {
            "%hi" => Part.Hi,
            "%lo" => Part.Lo,
            "%pcrel_hi" => Part.PcRelHi,
            "%pcrel_lo" => Part.PcRelLo,
            string other => throw new StatementException($"unknown operator '{other}' (known: %hi %lo %pcrel_hi %pcrel_lo)"),
        };
        return (part, Expression(text[(open + 1)..^1], symbols));
    }

    public static Expression Expression(string text, SymbolTable symbols) => new ExpressionParser(text, symbols).ParseAll();

    public static long Constant(string text, SymbolTable symbols, string what)
    {
        var value = Expression(text, symbols);
        return value.TryConstant(out var constant)
            ? constant
            : throw new StatementException($"{what} must be a constant that is known at this line, not '{text}'");
    }

    /// <summary>Splits <c>offset(register)</c>; a missing offset is "0".</summary>
    /// <returns>False when the text does not end in a bracketed integer register.</returns>
    public static bool TryMemory(string text, out string offset, out uint register)
    {
        offset = "0";
        register = 0;
        if (!text.EndsWith(')'))
            return false;
        var open = text.LastIndexOf('(');
        if (open < 0 || !Registers.TryInteger(text[(open + 1)..^1].Trim(), out register))
            return false;
        if (open > 0 && !string.IsNullOrWhiteSpace(text[..open]))
            offset = text[..open].Trim();
        return true;
    }

    public static (string Offset, uint Register) Memory(string text) =>
        TryMemory(text, out var offset, out var register)
            ? (offset, register)
            : throw new StatementException($"a memory operand such as 8(sp) is wanted, not '{text}'");

    public static uint Rounding(string text) => text switch
    {
        "rne" => 0,
        "rtz" => 1,
        "rdn" => 2,
        "rup" => 3,
        "rmm" => 4,
        "dyn" => 7,
        _ => throw new StatementException($"'{text}' is not a rounding mode (rne rtz rdn rup rmm dyn)"),
    };

    public static uint FenceSet(string text)
    {
        uint set = 0;
        var last = -1;
        foreach (var c in text)
        {
            var at = "iorw".IndexOf(c, StringComparison.Ordinal);
            if (at <= last)
                return text == "0" ? 0u : throw new StatementException($"'{text}' is not a fence set (letters of iorw, in that order)");
            set |= 8u >> at;
            last = at;
        }
        return set;
    }

    public static uint Csr(string text, SymbolTable symbols)
    {
        if (ControlRegisters.TryGet(text, out var number))
            return number;
        if (!char.IsAsciiDigit(text[0]) && !symbols.IsDefined(text))
            throw new StatementException($"'{text}' is not a known CSR");
        var value = Constant(text, symbols, "a CSR number");
        return value is >= 0 and <= 0xfff ? (uint)value : throw new StatementException($"CSR number {value} is not in 0..0xfff");
    }
}
