using System.CommandLine;
using System.CommandLine.Help;
using Warren;
using Warren.Cli;
using Warren.Cli.CommandLine;
using Warren.Cli.Commands;
using Warren.Cli.Terminal;

LastResort.Install();
try
{
    ClosedDescriptors.StartAgainWithout();
    StandardStreams.ConnectConsole();
    return await RunAsync(args).ConfigureAwait(false);
}
catch (OutputClosedException)
{
    return ExitStatus.OutputClosed;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("warren: interrupted.");
    return ExitStatus.Interrupted;
}
catch (Exception e)
{
    return LastResort.Report(e);
}

static Task<int> RunAsync(string[] args)
{
    // Not a RootCommand, whose name would be the executable's.
    var help = new HelpOption { Recursive = true, Action = new HelpPage() };
    var root = new GuideCommand("warren", "Linux virtual machines inside a .NET process.", null,
        new HelpSection("Examples:",
            "warren run                 a Linux shell in your terminal (Ctrl-A X ends it)",
            "warren run -- uname -a     one command: its output, its exit status",
            "warren help run            all about 'run'; so with every command"));
    root.Add(help);
    root.Add(new VersionOption());
    foreach (var command in (Command[])[RunCommand.Build(), ImageCommand.Build(), DoctorCommand.Build(), BenchCommand.Build(),
        LabCommand.Build(), HelpCommand.Build(root)])
    {
        root.Add(command);
    }

    // A word that begins with '@' is a word, and no file of more words.
    var parsed =
        root.Parse(args is [] ? ["--help"] : RawArguments.Of(args),
            new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
    if (parsed.Action is not HelpPage && Mistakes.Of(parsed) is { } mistake)
        throw new UserErrorException(mistake);
    CheckSwitches.Apply(parsed);
    return parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
