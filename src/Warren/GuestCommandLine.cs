namespace Warren;

/// <summary>What Warren's own init (guest/init) reads from the kernel's command line.</summary>
public static class GuestCommandLine
{
    /// <summary>An interactive shell on the console.</summary>
    public const string ShellMode = "warren.mode=shell";

    /// <summary>The agent on the second serial line runs one command.</summary>
    public const string AgentMode = "warren.mode=agent";

    /// <summary>
    /// <c>panic=-1</c> reboots at once on a panic, so that it is noticed; <c>quiet</c> keeps the log, not the panic, off the console, whose
    /// every byte is a device access.
    /// </summary>
    public static string Compose(string mode, bool verbose, string append)
    {
        var line = $"console=ttyS0 panic=-1 {mode}{(verbose ? " loglevel=7" : " quiet")}";
        return append.Length == 0 ? line : $"{line} {append}";
    }
}
