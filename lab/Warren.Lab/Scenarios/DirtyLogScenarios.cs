using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>Harvests of the dirty log against writers; the dirty oracle asks at the end whether any write was lost.</summary>
internal static class DirtyLogScenarios
{
    private const ulong Gfn = 0x10;

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("dirty-log-get-vs-write", "KVM_GET_DIRTY_LOG harvests while a vCPU writes through its TLB.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false }, out var world);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        },
        """
        The page is writable and marked. The harvest takes the mark, then W, in one section of mmu_lock, and flushes before it returns. A
        write before the return is in this harvest's report; a later one must fault and mark again.
        """),
        new DelegateScenario("dirty-log-get-vs-first-write", "KVM_GET_DIRTY_LOG harvests while a vCPU makes a page writable.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false }, out var world);
            vm.Vcpus[0].Load(Gfn);
            vm.Vcpus[0].Store(Gfn + 1, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        },
        """
        The mark is set after W stands, never before: in the other order a harvest in between takes the mark of a page that is about to
        become writable, and the write is lost.
        """),
        new DelegateScenario("fast-fault-vs-harvest", "A vCPU gets W back without a lock while a harvest takes it away again.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false }, out var world);
            vm.Vcpus[0].Store(Gfn, 1);
            vm.GetDirtyLog(0);
            vm.Vcpus[0].Store(Gfn + 1, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        },
        """
        Only dirty logging keeps W away, so a compare-exchange in guest mode may restore it. The harvest flushes whenever it took a mark,
        also when another had already taken W: the flush of that other may still be to come.
        """),
        new DelegateScenario("two-harvests-vs-write", "Two harvests in a row, and a writer.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false }, out var world);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 1));
            world.Thread("harvest", () =>
            {
                vm.GetDirtyLog(0);
                vm.GetDirtyLog(0);
            });
        },
        "A write that the first harvest was too early for must be in the second, or left in the log."),
        new DelegateScenario("dirty-log-clear-vs-write",
            "With manual protection, KVM_CLEAR_DIRTY_LOG protects what was reported while a vCPU writes.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false, ManualDirtyLogProtect = true }, out var world);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            world.Thread("clear", () => vm.ClearDirtyLog(0, 2, vm.GetDirtyLog(0)));
        },
        """
        Reading the log changes nothing; clearing takes marks and W. A write before clearing returns is the reader's to find in the page, a
        later one must be marked again.
        """),
        new DelegateScenario("dirty-log-vs-host-write", "A device writes guest memory during a harvest.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false }, out var world);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("device", () => vm.WriteGuest(Gfn, 2));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        },
        "The hypervisor marks the page after it has written: the mark is taken by a harvest that follows the write, or stays."),
        new DelegateScenario("dirty-ring", "A vCPU pushes to its dirty ring while it is harvested and reset.", s =>
        {
            var vm = Logging(s, new VmOptions { HugePages = false, DirtyRingEntries = 128 }, out var world);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Store(Gfn, 2);
                vm.Vcpus[0].Store(Gfn + 1, 3);
            });
            world.Thread("harvest", () => vm.HarvestRings());
        },
        """
        One entry a page, pushed by the vCPU's own thread when the page becomes writable. The reset protects the harvested pages again and
        flushes; until then they stay writable and are not pushed again.
        """),
        new DelegateScenario("dirty-log-vs-discard", "A logged page is dropped and written while the log is harvested.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva, MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            world.Thread("discard", () =>
            {
                world.Discard(hva);
                vm.GetDirtyLog(0);
            });
        },
        "The zap of a dirty page drops no mark: the log belongs to the slot, not to the SPTE."),
    ];

    /// <summary>A VM with one vCPU and a logging slot of two pages that the host has filled.</summary>
    private static LabVm Logging(Schedule schedule, VmOptions options, out LabWorld world)
    {
        world = new LabWorld(schedule);
        var hva = world.Map(2);
        world.Memory.Write(hva, [1]);
        world.Memory.Write(hva + LabWorld.PageSize, [1]);
        var vm = world.AddVm(1, options);
        vm.SetSlot(0, Gfn, 2, hva, MemslotFlags.LogDirtyPages);
        return vm;
    }
}
