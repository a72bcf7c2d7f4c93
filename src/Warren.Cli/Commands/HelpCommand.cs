using System.CommandLine;
using Warren.Cli.CommandLine;

namespace Warren.Cli.Commands;

/// <summary><c>warren help [COMMAND…]</c>: what <c>--help</c> after the command says.</summary>
internal static class HelpCommand
{
    public static Command Build(Command root)
    {
        var words = new Argument<string[]>("COMMAND")
        {
            Description = "The command, like 'run' or 'lab run'; without it, all of Warren.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var help = new Command("help", "Show the help of a command.") { words };
        help.SetAction(result => Show(root, result.GetValue(words) ?? []));
        return help;
    }

    private static int Show(Command root, string[] words)
    {
        var path = root.Name;
        var command = root;
        foreach (var word in words)
        {
            command = command.Subcommands.FirstOrDefault(c => c.Name == word)
                ?? throw new UserErrorException(Mistakes.UnknownWord(command, path, word));
            path += " " + word;
        }

        return root.Parse([.. words, "--help"]).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }
}
