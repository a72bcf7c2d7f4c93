namespace Warren.Hypervisor.Vcpus;

/// <param name="Reason">why the vCPU came back</param>
/// <param name="Detail">of the engine's own making</param>
public readonly record struct VcpuExit(VcpuExitReason Reason, ulong Detail = 0);

public enum VcpuExitReason
{
    None,
    /// <summary>Kicked, or the engine stopped because of a request.</summary>
    Interrupted,
    /// <summary>The budget is used up.</summary>
    Budget,
    /// <summary>The guest waits for an interrupt and none is pending; <see cref="Vcpu.Wakeup"/> tells when to run again.</summary>
    Halted,
    /// <summary>The guest called the hypervisor; the machine handles it and runs the vCPU again.</summary>
    EnvironmentCall,
    /// <summary>
    /// The guest has long taken one exception over and over, at one place, without executing an instruction: it goes on only if someone
    /// else changes what it finds there. Running it again is allowed.
    /// </summary>
    TrapLoop,
    /// <summary>The VM is dead (<see cref="VirtualMachine.Kill"/>).</summary>
    Shutdown,
    /// <summary>The host cannot go on with this VM; <see cref="VirtualMachine.ErrorReason"/> says why.</summary>
    InternalError,
    /// <summary>The dirty ring is nearly full: harvest and reset it, then run again.</summary>
    DirtyRingFull,
}
