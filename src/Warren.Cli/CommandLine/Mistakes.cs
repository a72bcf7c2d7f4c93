using System.CommandLine;
using System.CommandLine.Parsing;

namespace Warren.Cli.CommandLine;

/// <summary>The fault of a command line, in one sentence with what was probably meant.</summary>
internal static class Mistakes
{
    /// <summary>The first mistake, or null when there is none.</summary>
    public static string? Of(ParseResult parsed)
    {
        var command = parsed.CommandResult;
        var options = command.Children.OfType<OptionResult>().ToList();
        if (options.Find(o => o.Option is IValueOption && o.Tokens.Any(t => Known(command).Any(k => k.Name == t.Value))) is { } empty)
            return Missing(empty.Option);
        if (Misspelt(parsed) is { } option)
            return UnknownOption(command, option);
        if (parsed.UnmatchedTokens is [var word, ..])
            return UnknownWord(command, word);
        foreach (var given in options)
        {
            if (Misused(given) is { } sentence)
                return sentence;
        }

        if (parsed.Errors is not [var error, ..])
            return null;
        if (command.Command.Subcommands.Count > 0 && command.Command.Action is null)
        {
            return $"'{Path(command)}' needs one of {Options.Either(Names(command.Command.Subcommands))} after it; see '{Path(command)} "
                + $"--help'";
        }
        if (error.SymbolResult is ArgumentResult { Tokens.Count: 0 } missing)
            return $"'{Path(command)}' needs a {missing.Argument.Name}; see '{Path(command)} --help'";
        return error.Message;
    }

    /// <summary>"'rum' is not a command of 'warren'; did you mean 'run'?"</summary>
    public static string UnknownWord(CommandResult command, string word) => UnknownWord(command.Command, Path(command), word);

    /// <param name="path">The words that name <paramref name="command"/>.</param>
    public static string UnknownWord(Command command, string path, string word)
    {
        var see = $"see '{path} --help'";
        return command.Subcommands.Count == 0
            ? $"'{word}' is too much for '{path}'; {see}"
            : $"'{word}' is not a command of '{path}'; {NearestNames.Hint(word, Names(command.Subcommands), see)}";
    }

    /// <summary>"warren lab run": the words of the command that was chosen.</summary>
    public static string Path(SymbolResult? result)
    {
        var words = new Stack<string>();
        for (; result is CommandResult command; result = result.Parent)
            words.Push(command.Command.Name);
        return string.Join(' ', words);
    }

    /// <summary>
    /// A word that looks like an option, stands before any "--", and is none. Where names may follow, the parser takes it for one of them.
    /// </summary>
    private static string? Misspelt(ParseResult parsed)
    {
        var afterDashes = parsed.Tokens.Reverse().TakeWhile(t => t.Type != TokenType.DoubleDash).Count();
        var words = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens).Select(t => t.Value).ToList();
        if (afterDashes < parsed.Tokens.Count)
            words = words.SkipLast(afterDashes).ToList();
        return words.Concat(parsed.UnmatchedTokens).FirstOrDefault(w => w.Length > 1 && w[0] == '-');
    }

    private static string UnknownOption(CommandResult command, string written)
    {
        var name = written.Split('=')[0];
        var path = Path(command);
        // The right option in front of the command that it belongs to.
        var owner = Descendants(command.Command, path).Prepend((command.Command, Path: path))
            .FirstOrDefault(d => d.Command.Options.Any(o => o.Name == name));
        if (owner.Path is not null)
            return $"'{name}' is an option of '{owner.Path}' and stands after it";
        var hint = NearestNames.Hint(name, Known(command).Select(o => o.Name), $"see '{path} --help'");
        return $"'{name}' is not an option of '{path}'; {hint}";
    }

    private static string? Misused(OptionResult given)
    {
        var (name, arity) = (given.Option.Name, given.Option.Arity);
        if (given.Implicit)
            return null;
        if (given.IdentifierTokenCount > 1 && arity.MaximumNumberOfValues == 1)
            return $"{name} is given {(given.IdentifierTokenCount == 2 ? "twice" : $"{given.IdentifierTokenCount} times")}; give it once";
        return given.Tokens.Count < arity.MinimumNumberOfValues ? Missing(given.Option) : null;
    }

    private static string Missing(Option option) =>
        option is IValueOption { Takes: var takes } ? $"{option.Name} needs a value: {takes}" : $"{option.Name} needs a value";

    /// <summary>The options that may stand after the command.</summary>
    private static IEnumerable<Option> Known(CommandResult command)
    {
        var known = command.Command.Options.Where(o => !o.Hidden);
        for (var above = command.Parent as CommandResult; above is not null; above = above.Parent as CommandResult)
            known = known.Concat(above.Command.Options.Where(o => o.Recursive));
        return known;
    }

    private static IEnumerable<(Command Command, string Path)> Descendants(Command command, string path) =>
        command.Subcommands.SelectMany(c => Descendants(c, $"{path} {c.Name}").Prepend((c, $"{path} {c.Name}")));

    private static List<string> Names(IEnumerable<Command> commands) => [.. commands.Where(c => !c.Hidden).Select(c => c.Name)];
}
