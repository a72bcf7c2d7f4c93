namespace Warren.Machines;

/// <summary>
/// The board's messages to the machine it is part of. Called on vCPU threads, possibly under a device's lock; must not block.
/// </summary>
internal interface IMachineEvents
{
    bool IsEnding { get; }

    /// <param name="kind">Which end.</param>
    /// <param name="detail">One sentence for a user.</param>
    /// <param name="cause">What was thrown, if that is why.</param>
    void End(MachineExitKind kind, string detail, Exception? cause = null);

    void RunnerEnded();
}
