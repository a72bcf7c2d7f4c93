namespace Warren.Machines;

/// <summary>Why a machine ended.</summary>
public enum MachineExitKind
{
    /// <summary>The guest shut down without complaint (SBI SRST, or the test finisher's pass).</summary>
    PowerOff,

    /// <summary>The guest asked for a cold or warm reboot.</summary>
    Reboot,

    /// <summary>The guest shut down or rebooted with reason "system failure", or the test finisher was told of a failure.</summary>
    SystemFailure,

    /// <summary>The guest's kernel panicked.</summary>
    Panic,

    /// <summary>The guest can never go on: each hart repeats one exception for ever, or waits for what nothing can bring.</summary>
    Stuck,

    /// <summary>The host cancelled the run.</summary>
    Cancelled,

    /// <summary>The time the machine was given is over.</summary>
    TimedOut,

    /// <summary>The host could not go on: no memory, an unreadable file, a bug of ours.</summary>
    HostError,
}

/// <summary>How a machine ended.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Detail">One sentence for a user; for a panic, the kernel's own line.</param>
public readonly record struct MachineExit(MachineExitKind Kind, string Detail)
{
    /// <summary>
    /// Of <see cref="MachineExitKind.HostError"/>, what was thrown, if that is why: a bug of ours or of a device, for a report of it.
    /// </summary>
    public Exception? Cause { get; init; }
}
