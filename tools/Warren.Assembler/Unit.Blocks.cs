namespace Warren.Asm;

/// <summary>The statements on runs of lines: conditions, repetition, macros, inclusion.</summary>
internal sealed partial class Unit
{
    /// <summary>A macro that calls itself for ever must not take the host's stack.</summary>
    private const int MaximumNesting = 64;

    /// <summary>Statements in one assembly; more means a repetition ran away.</summary>
    private const int MaximumStatements = 1_000_000;

    private readonly Dictionary<string, Macro> _macros = new(StringComparer.Ordinal);
    private readonly Stack<Condition> _conditions = new();
    private int _nesting;
    private int _calls;
    private int _statements;

    /// <summary>One open <c>.if</c>: whether its lines count, and whether one of its branches already did.</summary>
    private sealed record Condition(SourceLine Line, bool Outer)
    {
        public bool Active { get; set; }

        public bool Taken { get; set; }
    }

    private void Run(List<SourceLine> lines)
    {
        if (++_nesting > MaximumNesting)
            throw new StatementException($"macros or inclusions are nested more than {MaximumNesting} deep");
        var conditions = _conditions.Count;
        for (var i = 0; i < lines.Count; i++)
        {
            var at = i;
            Guard(lines[at], () => i = Step(lines, at));
        }
        while (_conditions.Count > conditions)
        {
            var open = _conditions.Pop().Line;
            Guard(open, () => throw new StatementException(".endif is missing for this .if"));
        }
        _nesting--;
    }

    /// <summary>Processes the line at <paramref name="at"/> and any block it opens; returns the index of the last line used.</summary>
    private int Step(List<SourceLine> lines, int at)
    {
        CountStatement();
        var line = _line = lines[at];
        (var name, var rest) = FirstWord(line.Text);
        if (name.StartsWith(".if", StringComparison.Ordinal) || name is ".else" or ".elseif" or ".endif")
        {
            _symbols.StatementStart = _symbols.Current.Length;
            Conditional(name, rest, line);
            return at;
        }
        if (_conditions.TryPeek(out var condition) && !condition.Active)
            return at;
        switch (name)
        {
            case ".macro":
                {
                    var end = BlockEnd(lines, at, ".endm", ".macro");
                    Define(rest, Slice(lines, at + 1, end));
                    return end;
                }
            case ".rept":
                {
                    var end = BlockEnd(lines, at, ".endr", ".rept", ".irp");
                    var count = Operand.Constant(rest, _symbols, "the count");
                    var body = Slice(lines, at + 1, end);
                    for (long i = 0; i < count; i++)
                    {
                        CountStatement();
                        Run(body);
                    }
                    return end;
                }
            case ".irp":
                {
                    var end = BlockEnd(lines, at, ".endr", ".rept", ".irp");
                    var words = Text.SplitOperands(rest);
                    var body = Slice(lines, at + 1, end);
                    foreach (var value in words.Skip(1))
                        Run([.. body.Select(l => l with { Text = Macro.Substitute(l.Text, n => n == words[0] ? value : null) })]);
                    return end;
                }
            case ".endm" or ".endr":
                throw new StatementException($"{name} without its beginning");
            case ".include":
                Include(rest);
                return at;
            default:
                if (!TryCall(line))
                    Statement(line);
                return at;
        }
    }

    private void CountStatement()
    {
        if (++_statements > MaximumStatements)
            throw new StatementException($"more than {MaximumStatements} statements: a repetition does not end");
    }

    private void Conditional(string name, string rest, SourceLine line)
    {
        if (name is ".else" or ".elseif" or ".endif")
        {
            if (!_conditions.TryPeek(out var open))
                throw new StatementException($"{name} without .if");
            if (name == ".endif")
            {
                _conditions.Pop();
                return;
            }
            open.Active = open.Outer && !open.Taken && (name == ".else" || Operand.Constant(rest, _symbols, "the condition") != 0);
            open.Taken |= open.Active;
            return;
        }
        var condition = new Condition(line, !_conditions.TryPeek(out var outer) || outer.Active);
        _conditions.Push(condition);
        condition.Active = condition.Outer && Holds(name, rest);
        condition.Taken = condition.Active;
    }

    private bool Holds(string name, string rest)
    {
        long Value() => Operand.Constant(rest, _symbols, "the condition");
        switch (name)
        {
            case ".if" or ".ifne":
                return Value() != 0;
            case ".ifeq":
                return Value() == 0;
            case ".ifgt":
                return Value() > 0;
            case ".iflt":
                return Value() < 0;
            case ".ifdef":
                return _symbols.IsDefined(rest);
            case ".ifndef":
                return !_symbols.IsDefined(rest);
            case ".ifb":
                return rest.Length == 0;
            case ".ifnb":
                return rest.Length != 0;
            case ".ifc" or ".ifnc":
                var parts = Text.SplitOperands(rest);
                if (parts.Count != 2)
                    throw new StatementException($"{name} wants two texts");
                return parts[0] == parts[1] == (name == ".ifc");
            default:
                throw new StatementException($"unknown directive '{name}'");
        }
    }

    private void Define(string rest, List<SourceLine> body)
    {
        var length = Text.NameLength(rest);
        if (length == 0)
            throw new StatementException(".macro wants a name");
        var name = rest[..length];
        if (_macros.ContainsKey(name))
            throw new StatementException($"the macro '{name}' is defined twice");
        _macros.Add(name, Macro.Parse(name, rest[length..].TrimStart(' ', ','), body));
    }

    private bool TryCall(SourceLine line)
    {
        var text = line.Text;
        // A label may stand before the call; it belongs to the place, not to the macro.
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        (var name, var rest) = FirstWord(colon > 0 && IsLabel(text[..colon]) ? text[(colon + 1)..].TrimStart() : text);
        if (!_macros.TryGetValue(name, out var macro))
            return false;
        if (colon > 0 && IsLabel(text[..colon]))
            Statement(line with { Text = text[..(colon + 1)] });
        var body = macro.Expand(rest, _calls++, line);
        var conditions = _conditions.Count;
        Run(body);
        while (_conditions.Count > conditions)
            _conditions.Pop();
        return true;
    }

    private static bool IsLabel(string text) =>
        text.Length > 0 && (Text.NameLength(text) == text.Length || text.All(char.IsAsciiDigit));

    private void Include(string rest)
    {
        var path = Find(rest);
        Run(Text.Lines(System.Text.Encoding.UTF8.GetString(Contents(path)), path));
    }

    /// <summary>A file named in the source: beside the including file, then in the include directories.</summary>
    private string Find(string quoted)
    {
        var name = System.Text.Encoding.UTF8.GetString(Text.Unquote(quoted));
        IEnumerable<string> directories = [Path.GetDirectoryName(_line.Location.File) ?? "", .. _options.IncludeDirectories];
        return directories.Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists)
            ?? throw new StatementException($"'{name}' is not beside this file nor in an include directory");
    }

    private static byte[] Contents(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StatementException($"'{path}' cannot be read: {e.Message}");
        }
    }

    private static int BlockEnd(List<SourceLine> lines, int start, string end, params ReadOnlySpan<string> openers)
    {
        var depth = 0;
        for (var i = start + 1; i < lines.Count; i++)
        {
            var word = FirstWord(lines[i].Text).Name;
            if (word == end && depth-- == 0)
                return i;
            if (openers.Contains(word))
                depth++;
        }
        throw new StatementException($"{end} is missing for this block");
    }

    private static List<SourceLine> Slice(List<SourceLine> lines, int start, int end) => [.. lines.Skip(start).Take(end - start)];

    private static (string Name, string After) FirstWord(string text)
    {
        var length = Text.NameLength(text);
        return (text[..length], text[length..].Trim());
    }
}
