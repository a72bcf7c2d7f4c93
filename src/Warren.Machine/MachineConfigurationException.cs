namespace Warren.Machines;

/// <summary>
/// A machine cannot be what was asked: a bad kernel, too little memory, too many CPUs. The message is one sentence for a user, naming cause
/// and remedy.
/// </summary>
public sealed class MachineConfigurationException : WarrenException
{
    public MachineConfigurationException(string message)
        : base(message)
    {
    }

    public MachineConfigurationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
