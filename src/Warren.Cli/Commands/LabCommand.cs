using System.CommandLine;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab</c>: the protocols of memory virtualization, explored.</summary>
internal static class LabCommand
{
    public static Command Build() =>
        new("lab", "Search the interleavings of locking protocols for one that breaks, and see it as a column per thread.")
    {
        LabListCommand.Build(), LabExplainCommand.Build(), LabRunCommand.Build(), LabCorpusCommand.Build(), LabTryCommand.Build(),
            LabMutateCommand.Build(), LabMutateCommand.BuildWorker(), LabFuzzCommand.Build(), LabLocksCommand.Build(),
            LabMeasureCommand.Build(),
    };
}
