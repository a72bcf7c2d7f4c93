using Spectre.Console;

namespace Warren.Cli.Terminal;

/// <summary>
/// Standard output and error for tables and marked-up lines: colours and the terminal's width on a terminal, plain whole lines elsewhere.
/// </summary>
internal static class Consoles
{
    private const int UnboundedWidth = 4096;

    public static IAnsiConsole Output() => Create(Console.Out, Console.IsOutputRedirected);

    public static IAnsiConsole Error() => Create(Console.Error, Console.IsErrorRedirected);

    private static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        var console =
            AnsiConsole.Create(new AnsiConsoleSettings
            { Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect, Out = new AnsiConsoleOutput(writer) });
        if (redirected) console.Profile.Width = UnboundedWidth;
        return console;
    }
}
