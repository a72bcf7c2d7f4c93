using System.Globalization;

namespace Warren.Asm;

/// <summary>A macro's parameter; <paramref name="Variadic"/> takes all further arguments, commas included.</summary>
internal readonly record struct MacroParameter(string Name, string? Default, bool Required, bool Variadic);

/// <summary>A macro: parameter names with defaults, and the lines to substitute into.</summary>
internal sealed class Macro(string name, List<MacroParameter> parameters, List<SourceLine> body)
{
    public static Macro Parse(string name, string parameters, List<SourceLine> body)
    {
        var list = new List<MacroParameter>();
        foreach (var parameter in Text.SplitOperands(parameters))
        {
            var equals = parameter.IndexOf('=', StringComparison.Ordinal);
            var head = (equals < 0 ? parameter : parameter[..equals]).Trim();
            var required = head.EndsWith(":req", StringComparison.Ordinal);
            var rest = head.EndsWith(":vararg", StringComparison.Ordinal);
            var colon = head.IndexOf(':', StringComparison.Ordinal);
            var parameterName = colon < 0 ? head : head[..colon];
            if (Text.NameLength(parameterName) != parameterName.Length || (colon >= 0 && !required && !rest))
                throw new StatementException($"'{parameter}' is not a macro parameter (separate them by commas)");
            list.Add(new MacroParameter(parameterName, equals < 0 ? null : parameter[(equals + 1)..].Trim(), required, rest));
        }
        return new Macro(name, list, body);
    }

    /// <summary>The body with the arguments in place; <paramref name="call"/> is the value of <c>\@</c>.</summary>
    public List<SourceLine> Expand(string arguments, int call, SourceLine caller)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var given = Text.SplitOperands(arguments);
        var next = 0;
        foreach (var argument in given)
        {
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var key = equals > 0 ? argument[..equals].Trim() : "";
            if (parameters.Any(p => p.Name == key))
            {
                values[key] = Unquoted(argument[(equals + 1)..].Trim());
                continue;
            }
            if (next >= parameters.Count)
                throw new StatementException($"the macro '{name}' takes {parameters.Count} arguments");
            if (parameters[next].Variadic)
            {
                values[parameters[next].Name] = values.TryGetValue(parameters[next].Name, out var before) ? $"{before}, {argument}"
                    : argument;
                continue;
            }
            values[parameters[next++].Name] = Unquoted(argument);
        }
        foreach ((var parameter, var fallback, var required, _) in parameters)
        {
            if (required && !values.ContainsKey(parameter))
                throw new StatementException($"the macro '{name}' wants an argument for '{parameter}'");
            if (!values.TryGetValue(parameter, out var value) || value.Length == 0)
                values[parameter] = fallback ?? "";
        }
        values["@"] = call.ToString(CultureInfo.InvariantCulture);
        var trail = $" (in macro {name} called at {caller.Location}){caller.Trail}";
        var lines = new List<SourceLine>();
        foreach (var line in body)
        {
            var text = Substitute(line.Text, values.GetValueOrDefault);
            if (text.Length > 0)
                lines.Add(new SourceLine(text, line.Location, trail));
        }
        return lines;
    }

    /// <summary>Replaces <c>\name</c> by its value and <c>\()</c> by nothing; other backslashes stay.</summary>
    public static string Substitute(string text, Func<string, string?> value)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
            return text;
        var result = new System.Text.StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            var rest = text[(i + 1)..];
            var length = rest[0] == '@' ? 1 : NameLength(rest);
            if (rest.StartsWith("()", StringComparison.Ordinal))
            {
                i += 2;
            }
            else if (length > 0 && value(rest[..length]) is { } replacement)
            {
                result.Append(replacement);
                i += length;
            }
            else
            {
                result.Append('\\');
            }
        }
        return result.ToString().Trim();
    }

    /// <summary>A parameter's name ends before a dot, so that <c>\op.d</c> works.</summary>
    private static int NameLength(string text)
    {
        var length = 0;
        while (length < text.Length && (char.IsAsciiLetterOrDigit(text[length]) || text[length] == '_'))
            length++;
        return length;
    }

    private static string Unquoted(string argument) =>
        argument.Length >= 2 && argument[0] == '"' && argument[^1] == '"' && Text.QuoteEnd(argument, 0) == argument.Length
        ? argument[1..^1] : argument;
}
