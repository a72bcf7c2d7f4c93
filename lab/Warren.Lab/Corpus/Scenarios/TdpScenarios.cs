using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>Faults against invalidations, on one page.</summary>
internal static class TdpScenarios
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("corpus-fault-discard", "A vCPU stores to a page that the host discards.", s =>
        {
            var m = new SmallMachine(s, pages: 1);
            var cpu = m.AddVcpu();
            m.Prefault(0);
            s.Thread("vcpu", () =>
            {
                cpu.Store(0, 1UL);
                cpu.Store(0, 2UL);
            });
            s.Thread("discard", () => m.Discard(0));
            m.CheckAgreement(cpu);
        }),
        new DelegateScenario("corpus-two-discards", "Two threads discard a page that a vCPU keeps using.", s =>
        {
            var m = new SmallMachine(s, pages: 1);
            var cpu = m.AddVcpu();
            cpu.Store(0, 1UL);
            s.Thread("vcpu", () => cpu.Load<ulong>(0));
            s.Thread("discard", () => m.Discard(0));
            s.Thread("reap", () => m.Memory.ReapNonBlocking(m.Hva(0), VirtualMachine.PageSize));
            m.CheckAgreement(cpu);
        }),
    ];
}
