namespace Warren.Asm;

/// <summary>
/// A 64-bit wrapping integer expression. Pass one asks <see cref="TryFold"/> (a constant, or an offset in one section);
/// pass two asks <see cref="Evaluate()"/>, when every address is known.
/// </summary>
internal abstract class Expression
{
    private const int MaximumDepth = 1000;

    /// <summary>How many symbols may be defined by one another in a row.</summary>
    protected const int MaximumChain = 200;

    /// <summary>The value as far as pass one can know it: absolute, or relative to a section's start.</summary>
    public abstract bool TryFold(out Folded value);

    /// <exception cref="StatementException">A symbol is undefined, defined by itself, or by too long a chain of others.</exception>
    public long Evaluate() => Evaluate(0);

    /// <summary>Operators above a leaf; bounded, so that a source cannot exhaust the stack.</summary>
    protected virtual int Depth => 0;

    /// <param name="chain">Symbols that led here.</param>
    protected abstract long Evaluate(int chain);

    protected static long Evaluate(Expression operand, int chain) => operand.Evaluate(chain);

    protected static int DepthAbove(Expression left, Expression right)
    {
        var depth = Math.Max(left.Depth, right.Depth) + 1;
        return depth <= MaximumDepth ? depth
            : throw new StatementException($"the expression has more than {MaximumDepth} operators in a row");
    }

    public bool TryConstant(out long value)
    {
        var known = TryFold(out var folded) && folded.Section is null;
        value = known ? folded.Value : 0;
        return known;
    }
}

internal readonly record struct Folded(Section? Section, long Value);

internal sealed class ConstantExpression(long value) : Expression
{
    public override bool TryFold(out Folded result)
    {
        result = new Folded(null, value);
        return true;
    }

    protected override long Evaluate(int chain) => value;
}

/// <summary>A symbol's value.</summary>
internal sealed class SymbolExpression(Symbol symbol) : Expression
{
    public override bool TryFold(out Folded result)
    {
        result = new Folded(symbol.Section, symbol.Value);
        return symbol.Defined && symbol.Later is null;
    }

    protected override long Evaluate(int chain)
    {
        if (!symbol.Defined)
            throw new StatementException($"'{symbol.Name}' is not defined");
        if (symbol.Later is null)
            return symbol.Value + (long)(symbol.Section?.Address ?? 0);
        if (symbol.Evaluating)
            throw new StatementException($"'{symbol.Name}' is defined by itself");
        if (chain == MaximumChain)
            throw new StatementException($"'{symbol.Name}' ends a chain of more than {MaximumChain} symbols defined by one another");
        symbol.Evaluating = true;
        try
        {
            return Evaluate(symbol.Later, chain + 1);
        }
        finally
        {
            symbol.Evaluating = false;
        }
    }
}

internal sealed class UnaryExpression(char op, Expression operand) : Expression
{
    public override bool TryFold(out Folded result)
    {
        var known = operand.TryConstant(out var value);
        result = new Folded(null, Apply(value));
        return known;
    }

    protected override int Depth { get; } = DepthAbove(operand, operand);

    protected override long Evaluate(int chain) => Apply(Evaluate(operand, chain));

    private long Apply(long value) => op switch
    {
        '-' => -value,
        '~' => ~value,
        '!' => value == 0 ? 1 : 0,
        _ => value,
    };
}

internal sealed class BinaryExpression(string op, Expression left, Expression right) : Expression
{
    public override bool TryFold(out Folded result)
    {
        result = default;
        if (!left.TryFold(out var a) || !right.TryFold(out var b))
            return false;
        if (a.Section == b.Section)
        {
            // Within one section only differences and comparisons are independent of where it will lie.
            if (a.Section is not null && op is not ("-" or "==" or "!=" or "<>" or "<" or "<=" or ">" or ">="))
                return false;
            result = new Folded(null, Apply(a.Value, b.Value));
            return true;
        }
        var addend = b.Section is null && op is ("+" or "-");
        var commuted = a.Section is null && op == "+";
        result = new Folded(a.Section ?? b.Section, addend || commuted ? Apply(a.Value, b.Value) : 0);
        return addend || commuted;
    }

    protected override int Depth { get; } = DepthAbove(left, right);

    protected override long Evaluate(int chain) => Apply(Evaluate(left, chain), Evaluate(right, chain));

    private long Apply(long a, long b)
    {
        if (op is "/" or "%" && b == 0)
            throw new StatementException("division by zero");
        return op switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => b == -1 ? -a : a / b,
            "%" => b == -1 ? 0 : a % b,
            "<<" => b is >= 0 and < 64 ? a << (int)b : 0,
            ">>" => b is >= 0 and < 64 ? (long)((ulong)a >> (int)b) : 0,
            "&" => a & b,
            "|" => a | b,
            "^" => a ^ b,
            "==" => Truth(a == b),
            "!=" or "<>" => Truth(a != b),
            "<" => Truth(a < b),
            "<=" => Truth(a <= b),
            ">" => Truth(a > b),
            ">=" => Truth(a >= b),
            "&&" => a != 0 && b != 0 ? 1 : 0,
            "||" => a != 0 || b != 0 ? 1 : 0,
            _ => throw new StatementException($"unknown operator '{op}'"),
        };
    }

    /// <summary>GNU as: a true comparison is all ones.</summary>
    private static long Truth(bool value) => value ? -1 : 0;
}
