using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>What a run sets for the scenarios of this process (of this assembly load context) before it explores; never changed during a schedule.</summary>
public static class LabSettings
{
    /// <summary>The gate of every VM that a gate-generic scenario makes; null: the production default.</summary>
    public static GateKind? Gate { get; set; }

    /// <summary>The gate in force.</summary>
    public static GateKind CurrentGate => Gate ?? GateKind.Default;
}
