namespace Warren.Machines.Devices;

/// <summary>A device at an interrupt line, asked while no hart runs.</summary>
internal interface IInterruptSource
{
    /// <summary>
    /// True when the line is low and can rise with no hart running: by what the host does, or by time. Any thread. An event that has used
    /// up what makes this true has raised the line, and notified whoever it wakes, before this says false.
    /// </summary>
    bool CanRaise { get; }
}
