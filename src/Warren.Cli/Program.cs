using System.CommandLine;
using System.CommandLine.Help;
using Warren;
using Warren.Cli;
using Warren.Cli.Commands;
using Warren.Cli.Terminal;

ClosedDescriptors.StartAgainWithout();
StandardStreams.ConnectConsole();

// Not a RootCommand, whose name would be the executable's.
var root = new Command("warren", "Linux virtual machines inside a .NET process.")
{
    new HelpOption { Recursive = true }, new VersionOption(), RunCommand.Build(), ImageCommand.Build(), DoctorCommand.Build(), BenchCommand.Build(),
    LabCommand.Build(),
};
var parsed = root.Parse(RawArguments.Of(args));
if (parsed.Errors.Count > 0)
{
    // One sentence, not the whole help: what was wrong stays on the screen.
    var what = parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is not known here" : parsed.Errors[0].Message.TrimEnd('.');
    Console.Error.WriteLine($"warren: {what}; see '{CheckSwitches.Path(parsed)} --help'.");
    return ExitStatus.HostError;
}

CheckSwitches.Apply(parsed);
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
}
catch (Exception e) when (e is WarrenException or StandardStreamException)
{
    Console.Error.WriteLine($"warren: {(e.Message.EndsWith('?') ? e.Message : e.Message.TrimEnd('.') + ".")}");
    return ExitStatus.HostError;
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
