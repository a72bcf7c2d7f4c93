using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>Writes of a guest against harvests, of bitmaps and of rings.</summary>
internal static class DirtyLogCorpus
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("stores-vs-harvest", "A guest stores to a logged page, twice in one stay, while the log is harvested.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 1, flags: MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            world.Thread("vcpu",
                () => vm.Vcpus[0]
                    .Run(new GuestInstruction[]
                        { new(GuestOperation.Store, FaultCorpus.Gfn, 2), new(GuestOperation.Store, FaultCorpus.Gfn, 3) }));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        }),
        new DelegateScenario("protected-store-vs-harvest", "A guest stores to a page that a harvest has protected while the next one runs.",
            s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 2, flags: MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn + 1, 1);
            vm.GetDirtyLog(0);
            world.Thread("vcpu",
                () => vm.Vcpus[0]
                    .Run(new GuestInstruction[]
                        { new(GuestOperation.Store, FaultCorpus.Gfn, 2), new(GuestOperation.Store, FaultCorpus.Gfn, 3) }));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        }),
        new DelegateScenario("two-writers-vs-harvest",
            "Two vCPUs store to two logged pages of one word of the bitmap while it is harvested.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 2, vcpus: 2, flags: MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            vm.Vcpus[1].Store(FaultCorpus.Gfn + 1, 1);
            vm.GetDirtyLog(0);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[1].Store(FaultCorpus.Gfn + 1, 2));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        }),
        new DelegateScenario("two-writers", "Two vCPUs store to two logged pages of one word of the bitmap.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 2, vcpus: 2, flags: MemslotFlags.LogDirtyPages);
            world.Thread("vcpu 0", () => vm.Vcpus[0].Store(FaultCorpus.Gfn, 1));
            world.Thread("vcpu 1", () => vm.Vcpus[1].Store(FaultCorpus.Gfn + 1, 2));
        }),
        new DelegateScenario("store-vs-logging", "A guest keeps storing while logging is switched on and the log is harvested.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            world.Thread("vcpu",
                () => vm.Vcpus[0]
                    .Run(new GuestInstruction[]
                        { new(GuestOperation.Store, FaultCorpus.Gfn, 2), new(GuestOperation.Store, FaultCorpus.Gfn, 3) }));
            world.Thread("logging", () => vm.SetSlot(0, FaultCorpus.Gfn, 1, hva, MemslotFlags.LogDirtyPages));
        }),
        new DelegateScenario("stores-vs-ring", "A guest stores to logged pages while its ring is harvested and reset.", s =>
        {
            var (world, vm, _) =
                FaultCorpus.Pages(s, 2, flags: MemslotFlags.LogDirtyPages,
                    options: new VmOptions { HugePages = false, DirtyRingEntries = 128 });
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            world.Thread("vcpu",
                () => vm.Vcpus[0]
                    .Run(new GuestInstruction[]
                        { new(GuestOperation.Store, FaultCorpus.Gfn + 1, 2), new(GuestOperation.Store, FaultCorpus.Gfn, 3) }));
            world.Thread("harvest", () => vm.HarvestRings());
        }),
        new DelegateScenario("access-vs-harvest-and-aging", "A guest accesses a page, marked old before, while the log is harvested.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, flags: MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            world.Memory.ClearFlushYoung(hva);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
            s.AtEnd("the access is seen by aging",
                () => world.Memory.ClearFlushYoung(hva) ? null : "the page was accessed since it was marked old, and counts as old");
        }),
    ];
}
