using System.Text;

namespace Warren.Asm;

/// <summary>The lexical grain: comments, names, operand lists, quoted strings.</summary>
internal static class Text
{
    public static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c is '_' or '.' or '$';

    public static bool IsNamePart(char c) => IsNameStart(c) || char.IsAsciiDigit(c);

    /// <summary>Length of the name that <paramref name="text"/> begins with; 0 for none.</summary>
    public static int NameLength(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || !IsNameStart(text[0]))
            return 0;
        var length = 1;
        while (length < text.Length && IsNamePart(text[length]))
            length++;
        return length;
    }

    /// <summary>
    /// A file's text as statements' lines: <c>#</c>, <c>//</c> and <c>/* */</c> comments removed, <c>;</c> ending a
    /// statement, blank ones dropped. Quoted strings and characters are left alone.
    /// </summary>
    public static List<SourceLine> Lines(string text, string file)
    {
        var lines = new List<SourceLine>();
        var current = new StringBuilder();
        var line = 1;
        var block = false;
        for (var i = 0; i <= text.Length; i++)
        {
            var c = i < text.Length ? text[i] : '\n';
            var next = i + 1 < text.Length ? text[i + 1] : '\0';
            if (block && c == '*' && next == '/')
            {
                block = false;
                i++;
            }
            else if (c is '\n' or ';' && (!block || c == '\n'))
            {
                if (!string.IsNullOrWhiteSpace(current.ToString()))
                    lines.Add(new SourceLine(current.ToString().Trim(), new SourceLocation(file, line)));
                current.Clear();
                line += c == '\n' ? 1 : 0;
            }
            else if (block)
            {
                continue;
            }
            else if (c == '#' || (c == '/' && next == '/'))
            {
                var end = text.IndexOf('\n', i);
                i = (end < 0 ? text.Length : end) - 1;
            }
            else if (c == '/' && next == '*')
            {
                block = true;
                current.Append(' ');
                i++;
            }
            else if (c is '"' or '\'')
            {
                var end = QuoteEnd(text, i);
                current.Append(text, i, end - i);
                i = end - 1;
            }
            else
            {
                current.Append(c is '\t' or '\r' ? ' ' : c);
            }
        }
        return lines;
    }

    /// <summary>Index after the quote that closes the one at <paramref name="start"/>; the line's end when it never closes.</summary>
    public static int QuoteEnd(ReadOnlySpan<char> text, int start)
    {
        var quote = text[start];
        // A lone apostrophe is no character constant: 'x' and '\x' are at most five characters wide.
        for (var i = start + 1; i < text.Length && text[i] != '\n'; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] != '\n')
                i++;
            else if (text[i] == quote && (quote == '"' || i > start + 1))
                return i + 1;
        }
        var end = text[start..].IndexOf('\n');
        return quote == '"' ? (end < 0 ? text.Length : start + end) : start + 1;
    }

    /// <summary>Splits at commas outside quotes and brackets and trims the parts; an empty text has no parts.</summary>
    public static List<string> SplitOperands(string text)
    {
        var parts = new List<string>();
        if (string.IsNullOrWhiteSpace(text))
            return parts;
        var depth = 0;
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is '"' or '\'')
            {
                i = QuoteEnd(text, i) - 1;
            }
            else if (c == '(')
            {
                depth++;
            }
            else if (c == ')')
            {
                depth--;
            }
            else if (c == ',' && depth <= 0)
            {
                parts.Add(text[start..i].Trim());
                start = i + 1;
            }
        }
        parts.Add(text[start..].Trim());
        return parts;
    }

    /// <summary>The bytes of a quoted string, UTF-8.</summary>
    /// <exception cref="StatementException">Not one quoted string.</exception>
    public static byte[] Unquote(string operand)
    {
        if (operand.Length < 2 || operand[0] != '"' || QuoteEnd(operand, 0) != operand.Length || operand[^1] != '"')
            throw new StatementException($"a quoted string is wanted, not '{operand}'");
        var bytes = new List<byte>(operand.Length);
        for (var i = 1; i < operand.Length - 1;)
        {
            if (operand[i] == '\\')
            {
                bytes.Add((byte)Escape(operand, ref i));
                continue;
            }
            var end = i + 1;
            while (end < operand.Length - 1 && operand[end] != '\\')
                end++;
            bytes.AddRange(Encoding.UTF8.GetBytes(operand[i..end]));
            i = end;
        }
        return [.. bytes];
    }

    /// <summary>The value of the escape whose backslash is at <paramref name="at"/>, which moves past it.</summary>
    public static long Escape(ReadOnlySpan<char> text, ref int at)
    {
        if (++at >= text.Length)
            throw new StatementException("an escape is cut off");
        var c = text[at++];
        if (c is >= '0' and <= '7')
            return Digits(text, ref at, c - '0', 8, 2) & 0xff;
        return c switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\b',
            'f' => '\f',
            'a' => 7,
            'e' => 27,
            'x' => Digits(text, ref at, 0, 16, 2) & 0xff,
            '\\' or '"' or '\'' => c,
            _ => throw new StatementException($"unknown escape '\\{c}'"),
        };
    }

    private static long Digits(ReadOnlySpan<char> text, ref int at, long value, int radix, int most)
    {
        for (; most > 0 && at < text.Length && char.IsAsciiHexDigit(text[at]); most--, at++)
        {
            var digit = Convert.ToInt32(text[at].ToString(), 16);
            if (digit >= radix)
                break;
            value = (value * radix) + digit;
        }
        return value;
    }
}

/// <summary>One statement's text and where it stands; <paramref name="Trail"/> says which macro call it came from.</summary>
internal readonly record struct SourceLine(string Text, SourceLocation Location, string Trail = "");
