namespace Warren.Agent;

/// <summary>How a command in the guest ended.</summary>
/// <param name="ExitCode">Its exit status, 0 to 255; meaningless when <paramref name="Signal"/> or <paramref name="ExecErrno"/> is
/// set.</param>
/// <param name="Signal">The signal that ended it, or 0.</param>
/// <param name="ExecErrno">The Linux errno with which it could not be started, or 0.</param>
public readonly record struct ExecResult(int ExitCode, int Signal, int ExecErrno)
{
    /// <summary>ENOENT: the command does not exist in the guest.</summary>
    public bool NotFound => ExecErrno == 2;

    /// <summary>True when the command ran and returned 0.</summary>
    public bool Succeeded => this is { ExitCode: 0, Signal: 0, ExecErrno: 0 };
}
