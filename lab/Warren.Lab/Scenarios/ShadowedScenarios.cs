using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>
/// Scenarios written for any MMU, played on VMs that shadow: what holds from outside holds for both. The guest has no translation, so that its addresses mean the same.
/// </summary>
internal static class ShadowedScenarios
{
    internal static IEnumerable<Scenario> All { get; } =
        [.. FaultScenarios.All.Concat(NotificationScenarios.All).Concat(MemslotScenarios.All).Concat(DirtyLogScenarios.All).Concat(VcpuScenarios.All).Select(inner => new Shadowed(inner))];

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
