using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>Notifications that overlap, nest, are refused, lose their subscriber, or concern nobody.</summary>
internal static class NotificationScenarios
{
    private const ulong Gfn = 0x10;

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("overlapping-notifications", "Two notifications overlap in a page that a vCPU faults in.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(3);
            world.Memory.Write(hva + LabWorld.PageSize, [1]);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 3, hva);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn + 1));
            world.Thread("first", () => world.Discard(hva, 2));
            world.Thread("second", () => world.Discard(hva + LabWorld.PageSize, 2));
        },
        """
        The VM counts two invalidations and keeps the union of their ranges, which grows until none is left. The end of the first must not
        let a fault map what the second still covers.
        """),
        new DelegateScenario("nested-notifications", "One thread nests a notification in another while a memslot update waits.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(2);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("nested", () => world.Notify(hva, between: () => world.Notify(hva)));
            world.Thread("update", () => vm.SetSlot(1, Gfn + 1, 1, hva + LabWorld.PageSize));
        },
        """
        A gate under which a queued update stops new notifications deadlocks here: the inner start waits behind the update, which waits for
        the outer end, which is the inner start's own thread's to call.
        """),
        new DelegateScenario("refused-notification", "A second subscriber refuses a non-blockable notification that a VM has accepted.",
            s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            world.Memory.Write(hva, [1]);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva);
            world.Refuse(hva);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("reaper", () =>
            {
                if (world.Reap(hva))
                    world.Fail(VerdictKind.Invariant, "A refused notification was carried out.");
            });
        },
        """
        The VM has raised its count when the other subscriber says no. It must get its end all the same, or its count stays up and every
        fault in the range retries for ever (a bug Linux had until c2655835fd8c).
        """),
        new DelegateScenario("two-vms-one-space", "Two VMs over one page fault while it is dropped.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            world.Memory.Write(hva, [1]);
            var first = world.AddVm();
            first.SetSlot(0, Gfn, 1, hva);
            var second = world.AddVm();
            second.SetSlot(0, Gfn + 5, 1, hva);
            second.Vcpus[0].Load(Gfn + 5);
            world.Thread("vcpu", () => first.Vcpus[0].Load(Gfn));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        One notification enters both VMs, one after the other, each under its own mmu_lock. While it is inside the second, the first must
        already keep the range out.
        """),
        new DelegateScenario("vm-disposed-in-notification",
            "A VM is disposed between the start and the end of a notification that has reached it.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            world.Memory.Write(hva, [1]);
            var stays = world.AddVm();
            stays.SetSlot(0, Gfn, 1, hva);
            var goes = world.AddVm(0);
            goes.SetSlot(0, Gfn, 1, hva);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("dispose", goes.Dispose);
        },
        """
        Unregistering waits for callbacks that run, not for ends that are still to come: those are no longer delivered, and nothing may be
        left waiting for them. The VM that stays must still get its own end.
        """),
        new DelegateScenario("unrelated-notification", "A notification outside of every slot meets a memslot update and takes no mmu_lock.",
            s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            var other = world.Map(1);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva);
            s.Monitor(new NoMmuLock(s, "discard"));
            world.Thread("discard", () => world.Discard(other));
            world.Thread("update", () => vm.SetSlot(1, Gfn + 1, 1, hva));
        },
        """
        Taking mmu_lock only for ranges that hit a slot is what the gate is for. If start and end disagreed on that, one of them would find
        the count unbalanced.
        """),
    ];

    private sealed class NoMmuLock(Schedule schedule, string thread) : StepMonitor
    {
        public override void OnStep(int index, in Locking.CheckStep step, bool succeeded)
        {
            if (ReferenceEquals(step.Class, HypervisorLocks.MmuLock) && schedule.Threads[index].Name == thread)
                schedule.Fail(VerdictKind.Invariant, "A notification that concerns no memslot took an mmu_lock.");
        }
    }
}
