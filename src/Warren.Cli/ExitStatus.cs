namespace Warren.Cli;

/// <summary>
/// Exit statuses of <c>warren</c>. A guest command's own status (0 to 119, and 128 + N when signal N ended it) is passed through; what
/// Warren itself has to say lies at 120 and above, as with <c>timeout</c>(1) and container tools. docs/exit-status.md is the user's copy.
/// </summary>
internal static class ExitStatus
{
    public const int Success = 0;

    /// <summary>A check that was asked for found something wrong.</summary>
    public const int Found = 1;

    /// <summary>The guest kernel panicked.</summary>
    public const int GuestPanic = 120;

    /// <summary>
    /// The guest shut down with reason "system failure" (SBI SRST reason 1, or a test finisher failure), or can never go on.
    /// </summary>
    public const int SystemFailure = 121;

    /// <summary>The guest ended (power off, reboot) before the command reported a status.</summary>
    public const int GuestEnded = 122;

    /// <summary><c>--lock-check</c> found a violation.</summary>
    public const int LockViolation = 123;

    /// <summary>The <c>--timeout</c> was reached.</summary>
    public const int TimedOut = 124;

    /// <summary>Warren could not do what was asked: bad option, file, image, mirror, or a host error.</summary>
    public const int HostError = 125;

    /// <summary>The command was found in the guest but could not be executed.</summary>
    public const int CannotExecute = 126;

    /// <summary>The command does not exist in the guest.</summary>
    public const int NotFound = 127;

    /// <summary>Ended by Ctrl-C, SIGTERM or SIGHUP on the host.</summary>
    public const int Interrupted = 130;

    /// <summary>Nobody reads standard output any more: what SIGPIPE makes of other programs.</summary>
    public const int OutputClosed = 128 + 13;

    /// <summary>Status of a command that signal <paramref name="signal"/> ended.</summary>
    public static int Signalled(int signal) => 128 + signal;
}
