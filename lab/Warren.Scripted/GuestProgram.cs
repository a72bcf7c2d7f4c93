using Warren.Hypervisor.Vcpus;

namespace Warren.Scripted;

/// <summary>The next step that a scripted instruction asks for.</summary>
public enum GuestStep
{
    /// <summary>The next instruction.</summary>
    Continue,
    /// <summary>Run returns with <see cref="VcpuExitReason.EnvironmentCall"/>.</summary>
    Done,
    /// <summary>Wait for an interrupt: Run returns with <see cref="VcpuExitReason.Halted"/>.</summary>
    Halt,
}

/// <summary>
/// A guest program in C#. Each step is one instruction: at most one access to guest memory, and no change of the program's own state before
/// the access has succeeded, since an instruction that was stopped (<see cref="ScriptedEngine.Stopped"/>) is executed again.
/// </summary>
public interface IGuestProgram
{
    GuestStep Step(ScriptedEngine cpu);
}

/// <summary>A program given as a delegate.</summary>
public sealed class GuestScript(Func<ScriptedEngine, GuestStep> step) : IGuestProgram
{
    public GuestStep Step(ScriptedEngine cpu) => step(cpu);
}

/// <summary>How the last access of a scripted instruction went.</summary>
public enum GuestAccessResult
{
    Memory,
    /// <summary>A device answered.</summary>
    Mmio,
    /// <summary>Nobody is there, or the host cannot back it.</summary>
    AccessFault,
    /// <summary>The guest's own tables forbid it.</summary>
    PageFault,
    /// <summary>Not done: the instruction will be executed again.</summary>
    Stopped,
}
