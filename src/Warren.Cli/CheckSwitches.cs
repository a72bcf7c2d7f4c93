using System.CommandLine;
using Warren.Cli.CommandLine;

namespace Warren.Cli;

/// <summary>
/// The checks of locking that are on in this process. The switches are read once, when the first lock type is touched: <see cref="Apply"/>
/// comes before any command runs, and building the commands touches no lock.
/// </summary>
internal static class CheckSwitches
{
    private const string Check = "Warren.Check";
    private const string Steps = "Warren.Check.Steps";

    public static void Apply(ParseResult parsed)
    {
        switch (Mistakes.Path(parsed.CommandResult))
        {
            case "warren lab run" or "warren lab corpus" or "warren lab explain" or "warren lab try" or "warren lab mutate-worker"
                or "warren lab fuzz":
            // The explorer alone: with any other benchmark it measures in a process of its own.
            case "warren bench" when parsed.GetValue<string[]>("NAME") is ["lab"]:
                ExplorerProcess.Enter();
                AppContext.SetSwitch(Check, true);
                AppContext.SetSwitch(Steps, true);
                break;
            case "warren run" when parsed.GetValue<bool>("--lock-check"):
            case "warren lab locks":
                AppContext.SetSwitch(Check, true);
                break;
            default:
                break;
        }
    }
}
