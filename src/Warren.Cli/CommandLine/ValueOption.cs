using System.CommandLine;
using System.CommandLine.Parsing;

namespace Warren.Cli.CommandLine;

/// <summary>Reads one value as the user wrote it.</summary>
internal delegate bool ValueReader<T>(string text, out T value);

/// <summary>The value that an option takes, for whoever has to say that it was not given.</summary>
internal interface IValueOption
{
    /// <summary>Follows "--memory takes": "a whole number of MiB from 1M to 512G, like 512M or 2G".</summary>
    string Takes { get; }
}

/// <summary>An option with one value, which tells in one sentence what it takes when the value is wrong or missing.</summary>
internal sealed class ValueOption<T> : Option<T>, IValueOption
{
    /// <param name="near">Names that a misspelt value may have meant.</param>
    public ValueOption(string name, string helpName, string description, string takes, ValueReader<T> read,
        IReadOnlyList<string>? near = null)
        : base(name)
    {
        Takes = takes;
        HelpName = helpName;
        Description = description;
        Arity = ArgumentArity.ExactlyOne;
        CustomParser = result => Read(result, read, near ?? []);
    }

    public string Takes { get; }

    private T? Read(ArgumentResult result, ValueReader<T> read, IReadOnlyList<string> near)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (read(text, out var value))
            return value;
        var hint = NearestNames.Hint(text, near, "");
        result.AddError($"{Name} takes {Takes}, not '{text}'{(hint.Length > 0 ? "; " + hint : "")}");
        return default;
    }
}
