using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;

namespace Warren.Lab;

/// <summary>
/// Settings that a run makes for the scenarios of this process (of this assembly load context) before it explores; never changed during a
/// schedule.
/// </summary>
public static class LabSettings
{
    /// <summary>The gate of every VM that a gate-generic scenario makes; null: the production default.</summary>
    public static GateKind? Gate { get; set; }

    /// <summary>The MMU of every VM that is made while a scenario is built, unless it asks for one; null: the production default.</summary>
    [field: ThreadStatic]
    internal static MmuKind? Mmu { get; set; }

    /// <summary>The gate in force.</summary>
    public static GateKind CurrentGate => Gate ?? GateKind.Default;
}
