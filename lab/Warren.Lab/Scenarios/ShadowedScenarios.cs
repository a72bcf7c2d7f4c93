using Warren.Hypervisor.Paging;

namespace Warren.Lab;

/// <summary>
/// Scenarios written for any MMU, played on VMs that shadow: what holds from outside holds for both. The guest has no translation, so that
/// its addresses mean the same.
/// </summary>
internal static class ShadowedScenarios
{
    private static readonly string[] s_names =
    [
        "fault-vs-discard", "fault-vs-munmap", "access-vs-discard", "cow-break-vs-read", "protect-vs-write", "patient-fault-vs-discard",
        "two-faults-one-page", "host-write-vs-discard",
        "host-write-vs-cow-break", "reap-vs-fault", "aging-vs-fault",
        "overlapping-notifications", "aliased-slots", "slot-create-in-notification", "patient-fault-vs-slot-delete",
        "slot-delete-vs-fault", "slot-delete-vs-access", "slot-move-vs-fault", "slot-logging-vs-write", "mmio-vs-slot-create",
        "dirty-log-get-vs-write", "dirty-log-get-vs-first-write", "fast-fault-vs-harvest", "dirty-log-clear-vs-write",
        "dirty-log-vs-host-write", "dirty-ring", "dirty-log-vs-discard",
        "code-marks-vs-store", "zap-all-vs-faults",
    ];

    internal static IReadOnlyList<Scenario> All { get; } = [.. Any.Where(s => s_names.Contains(s.Name)).Select(s => new Shadowed(s))];

    /// <summary>The same for one that is there for the corpus.</summary>
    internal static Scenario Of(Scenario inner) => new Shadowed(inner);

    private static IEnumerable<Scenario> Any =>
        FaultScenarios.All.Concat(NotificationScenarios.All).Concat(MemslotScenarios.All).Concat(DirtyLogScenarios.All)
        .Concat(VcpuScenarios.All);

    private sealed class Shadowed(Scenario inner) : Scenario
    {
        public override string Name => "shadow-" + inner.Name;

        public override string Summary => inner.Summary.TrimEnd('.') + "; with a shadow MMU.";

        public override string Explanation => inner.Explanation;

        public override bool KeepsStateByThread => inner.KeepsStateByThread;

        public override void Build(Schedule schedule)
        {
            LabSettings.Mmu = MmuKind.Shadow;
            try
            {
                inner.Build(schedule);
            }
            finally
            {
                LabSettings.Mmu = null;
            }
        }
    }
}
