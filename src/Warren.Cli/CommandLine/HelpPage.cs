using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Warren.Cli.CommandLine;

/// <summary>
/// A command's help: System.CommandLine's page, as wide as is good to read, and below it what a <see cref="GuideCommand"/> adds.
/// </summary>
internal sealed class HelpPage : SynchronousCommandLineAction
{
    /// <summary>Where there is no terminal to ask; a pager and a file are read at this width.</summary>
    private const int DefaultWidth = 80;

    private const int Narrowest = 40, Widest = 100;

    public override int Invoke(ParseResult parseResult)
    {
        var configuration = parseResult.InvocationConfiguration;
        var output = configuration.Output;
        var page = new StringWriter();
        configuration.Output = page;
        new HelpAction { MaxWidth = Width() }.Invoke(parseResult);
        configuration.Output = output;
        // Wrapped lines end in the blank that they were broken at.
        foreach (var line in Complete(page.ToString(), parseResult).TrimEnd().Split('\n'))
            output.WriteLine(line.TrimEnd());
        return ExitStatus.Success;
    }

    private static string Complete(string page, ParseResult parsed)
    {
        if (parsed.CommandResult.Command is not GuideCommand guide)
            return page;
        var path = Mistakes.Path(parsed.CommandResult);
        if (guide.Usage is { } usage)
        {
            const string heading = "Usage:";
            var start = page.IndexOf(heading, StringComparison.Ordinal) + heading.Length;
            var end = page.IndexOf("\n\n", start, StringComparison.Ordinal);
            page = $"{page[..start]}\n  {path} {usage}{page[end..]}";
        }

        return page.TrimEnd() + "\n"
            + string.Concat(guide.Sections.Select(s => $"\n{s.Heading}\n{string.Concat(s.Lines.Select(l => $"  {l}\n"))}"));
    }

    private static int Width() =>
        Console.IsOutputRedirected || Console.WindowWidth == 0 ? DefaultWidth : Math.Clamp(Console.WindowWidth, Narrowest, Widest);
}
