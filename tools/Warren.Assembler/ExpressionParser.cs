using System.Globalization;

namespace Warren.Asm;

/// <summary>
/// Recursive descent over one operand's text. Precedence as in GNU as, tightest first: unary, then <c>* / % &lt;&lt; &gt;&gt;</c>,
/// then <c>&amp; | ^</c>, then <c>+ -</c> and comparisons, then <c>&amp;&amp;</c>, then <c>||</c>.
/// </summary>
internal ref struct ExpressionParser(ReadOnlySpan<char> text, SymbolTable symbols)
{
    private const int MaximumDepth = 200;

    private static readonly string[][] Levels =
    [
        ["||"],
        ["&&"],
        ["+", "-", "==", "!=", "<>", "<=", ">=", "<", ">"],
        ["&", "|", "^"],
        ["<<", ">>", "*", "/", "%"],
    ];

    private readonly ReadOnlySpan<char> _text = text;
    private int _at;
    private int _depth;

    /// <summary>Characters consumed so far.</summary>
    public readonly int Position => _at;

    /// <exception cref="StatementException">Not an expression, or something follows it.</exception>
    public Expression ParseAll()
    {
        var result = Parse();
        SkipBlanks();
        return _at == _text.Length ? result
            : throw new StatementException($"unexpected '{_text[_at..]}' after the expression '{_text[.._at].Trim()}'");
    }

    public Expression Parse() => ParseLevel(0);

    private Expression ParseLevel(int level)
    {
        if (level == Levels.Length)
            return ParseUnary();
        var left = ParseLevel(level + 1);
        while (TakeOperator(level) is { } op)
            left = new BinaryExpression(op, left, ParseLevel(level + 1));
        return left;
    }

    private string? TakeOperator(int level)
    {
        SkipBlanks();
        var rest = _text[_at..];
        foreach (var op in Levels[level])
        {
            if (!rest.StartsWith(op, StringComparison.Ordinal) || IsPrefixOfLonger(rest, op))
                continue;
            _at += op.Length;
            return op;
        }
        return null;
    }

    private static bool IsPrefixOfLonger(ReadOnlySpan<char> rest, string op) =>
        op.Length == 1 && rest.Length > 1 && (op, rest[1]) is ("&", '&') or ("|", '|') or ("<", '<') or (">", '>');

    private Expression ParseUnary()
    {
        if (++_depth > MaximumDepth)
            throw new StatementException("the expression is nested too deeply");
        try
        {
            SkipBlanks();
            if (_at == _text.Length)
                throw new StatementException("an expression is missing");
            var c = _text[_at];
            if (c is '-' or '~' or '!' or '+')
            {
                _at++;
                return new UnaryExpression(c, ParseUnary());
            }
            return ParsePrimary(c);
        }
        finally
        {
            _depth--;
        }
    }

    private Expression ParsePrimary(char c)
    {
        if (c == '(')
        {
            _at++;
            var inner = Parse();
            SkipBlanks();
            if (_at == _text.Length || _text[_at] != ')')
                throw new StatementException("')' is missing");
            _at++;
            return inner;
        }
        if (char.IsAsciiDigit(c))
            return ParseNumber();
        if (c == '\'')
            return ParseCharacter();
        var length = Text.NameLength(_text[_at..]);
        if (length == 0)
            throw new StatementException($"'{_text[_at..]}' is not an expression");
        var name = _text.Slice(_at, length).ToString();
        _at += length;
        return name == "." ? symbols.Here() : symbols.Reference(name);
    }

    private Expression ParseNumber()
    {
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] == '_'))
            _at++;
        var token = _text[start.._at];
        if (token[^1] is 'f' or 'b' && token[..^1].IndexOfAnyExceptInRange('0', '9') < 0)
            return symbols.NumericReference(token[..^1].ToString(), forward: token[^1] == 'f');
        return TryNumber(token, out var value) ? new ConstantExpression((long)value)
            : throw new StatementException($"'{token}' is not a number below 2^64");
    }

    private static bool TryNumber(ReadOnlySpan<char> token, out ulong value)
    {
        if (token.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(token[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (token.StartsWith("0b", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(token[2..], NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out value);
        if (token.Length == 1 || token[0] != '0')
            return ulong.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        value = 0;
        foreach (var digit in token)
        {
            if (digit is < '0' or > '7' || value >> 61 != 0)
                return false;
            value = (value << 3) | (uint)(digit - '0');
        }
        return true;
    }

    private ConstantExpression ParseCharacter()
    {
        var at = _at + 1;
        if (at >= _text.Length)
            throw new StatementException("a character is missing after the quote");
        var value = _text[at] == '\\' ? Text.Escape(_text, ref at) : _text[at++];
        if (at >= _text.Length || _text[at] != '\'')
            throw new StatementException("the closing quote of a character is missing");
        _at = at + 1;
        return new ConstantExpression(value);
    }

    private void SkipBlanks()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }
}
