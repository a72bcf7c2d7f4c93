namespace Warren.Agent;

/// <summary>The agent in the guest said something that its protocol does not allow, or went away before the command ended.</summary>
public sealed class AgentException : WarrenException
{
    internal AgentException(string message, bool lineEnded = false)
        : base(message) => LineEnded = lineEnded;

    /// <summary>The line ended: so has the machine, or it is about to.</summary>
    internal bool LineEnded { get; }
}
