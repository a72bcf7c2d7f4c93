using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>Memslot updates against faults and notifications.</summary>
internal static class MemslotScenarios
{
    private const ulong Gfn = 0x10;

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("aliased-slots", "Two slots show one host page; a vCPU faults in the second while the page is dropped.", s =>
        {
            var (world, vm, hva) = Slots(s);
            vm.SetSlot(1, Gfn + 1, 1, hva);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn + 1));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        One notification covers two ranges of gfns. The VM is entered once, counts once, adds both ranges, and zaps both.
        """),
        new DelegateScenario("slot-create-in-notification",
            "A slot appears over a page while a notification of it is in flight; a vCPU faults in the new slot.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            world.Memory.Write(hva, [1]);
            var vm = world.AddVm();
            vm.Vcpus[0].Load(Gfn);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("create", () =>
            {
                vm.SetSlot(0, Gfn, 1, hva);
                vm.Vcpus[0].Load(Gfn);
            });
        },
        """
        The start of the notification found no slot and did not enter the VM. Either the update waits until the notification has ended
        (ActiveCount), or it enters the VM on the notification's behalf (Join): otherwise the fault maps a frame that is being freed, or the
        end finds a count it never raised.
        """),
        new DelegateScenario("patient-fault-in-new-slot",
            "As slot-create-in-notification, for a fault that looks its page up under mmu_lock.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            world.Memory.Write(hva, [1]);
            var vm = world.AddVm();
            vm.Vm.OptimisticRetries = 0;
            vm.Vcpus[0].Load(Gfn);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
        },
        """
        The fault may find the new slot before the update has entered the VM on the notification's behalf. It holds mmu_lock when it looks
        at what is in progress, and the update publishes and joins in one section of it.
        """),
        new DelegateScenario("patient-fault-vs-slot-delete", "As slot-delete-vs-fault, for a fault that looks its page up under mmu_lock.",
            s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Memory.Write(hva, [1]);
            vm.Vm.OptimisticRetries = 0;
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("delete", () => vm.DeleteSlot(0));
        }),
        new DelegateScenario("slot-delete-vs-fault", "A slot is deleted while a vCPU faults in it.", s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("delete", () => vm.DeleteSlot(0));
        },
        """
        The slot becomes invalid first; faults that find it so retry. A grace period later nobody who found it valid is still under way, and
        its mappings are zapped; then it leaves the published set. A fault that maps it after the zap would leave an SPTE that no
        notification reaches any more.
        """),
        new DelegateScenario("slot-delete-vs-access", "A slot is deleted while a vCPU uses it out of its TLB.", s =>
        {
            var (world, vm, _) = Slots(s);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Store, Gfn, 2), new(GuestOperation.Load, Gfn) }));
            world.Thread("delete", () => vm.DeleteSlot(0));
        },
        """
        Deleting makes every root obsolete and has each vCPU let go of its root and drop its TLB before mmu_lock is dropped. After the
        deletion the same gfn is MMIO.
        """),
        new DelegateScenario("slot-delete-vs-notification", "A slot is deleted while a notification of its page is in flight.", s =>
        {
            var (world, vm, hva) = Slots(s);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("delete", () => vm.DeleteSlot(0));
        },
        """
        The start finds the slot, the end must find that same VM although the slot may be gone by then: the count comes back to zero. And a
        slot on its way out stays visible to notifications until its SPTEs are zapped, also those in obsolete roots, because the page is
        freed when start has returned.
        """),
        new DelegateScenario("slot-move-vs-fault", "A slot moves while a vCPU faults at its old place and then at its new one.", s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Load(Gfn);
                vm.Vcpus[0].Load(Gfn + 1);
            });
            world.Thread("move", () => vm.SetSlot(0, Gfn + 1, 1, hva));
        },
        """
        As a deletion and a creation in one step: after the move nothing maps the old gfn. At no moment may both places be mapped.
        """),
        new DelegateScenario("slot-moved-twice-in-notification",
            "A slot moves away and back while one notification is in flight; a vCPU faults.", s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Memory.Write(hva, [1]);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("move", () =>
            {
                vm.SetSlot(0, Gfn + 1, 1, hva);
                vm.SetSlot(0, Gfn, 1, hva);
                vm.Vcpus[0].Load(Gfn);
            });
        },
        """
        To the notification the slot is gone and there again, as another object. Whoever identifies slots by their gfns, or counts once per
        slot found instead of once per VM, loses balance here.
        """),
        new DelegateScenario("slot-logging-vs-write", "Dirty logging is switched on while a vCPU keeps writing through its TLB.", s =>
        {
            var (world, vm, hva) = Slots(s);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Store(Gfn, 2);
                vm.Vcpus[0].Store(Gfn, 3);
            });
            world.Thread("flags", () => vm.SetSlot(0, Gfn, 1, hva, MemslotFlags.LogDirtyPages));
        },
        """
        The page is writable before. When the change of flags has returned, every later write must be in the log: the SPTE must have lost W,
        and the TLB its write entry, also when a fault of the old set was still under way.
        """),
        new DelegateScenario("slot-churn-vs-faults", "A slot is deleted and created again while two vCPUs fault in it.", s =>
        {
            var (world, vm, hva) = Slots(s, vcpus: 2);
            vm.Vcpus[0].Store(Gfn, 1);
            vm.Vcpus[1].Load(Gfn);
            world.Thread("churn", () =>
            {
                vm.DeleteSlot(0);
                vm.SetSlot(0, Gfn, 1, hva);
            });
            world.Thread("vcpu0", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("vcpu1", () => vm.Vcpus[1].Load(Gfn));
        },
        """
        Each vCPU sees memory, MMIO, memory; none may keep a mapping or an MMIO entry of the state before. Roots become obsolete while
        faults hold them.
        """),
        new DelegateScenario("slot-allocations-fail", "Each allocation of an update fails in turn, while a vCPU uses the slot.", s =>
        {
            var (world, vm, hva) = Slots(s);
            vm.Vcpus[0].Store(Gfn, 1);
            var before = vm.Vm.GetMemslots(0).Find(new Gfn(Gfn));
            var request = s.Choose("which update", 3);
            MemslotStep[] failing =
                [MemslotStep.ReserveId, MemslotStep.AllocateSlot, MemslotStep.AllocateBitmap, MemslotStep.PrepareMmu, MemslotStep.Publish];
            var at = failing[s.Choose("which step fails", failing.Length)];
            var failed = false;
            vm.Vm.MemslotHook = step =>
            {
                failed |= step == at;
                return step == at ? Errno.ENOMEM : null;
            };
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("update", () =>
            {
                try
                {
                    if (request == 0)
                        vm.SetSlot(0, Gfn, 1, hva, MemslotFlags.LogDirtyPages);
                    else if (request == 1)
                        vm.SetSlot(0, Gfn + 1, 1, hva);
                    else
                        vm.DeleteSlot(0);
                }
                catch (MemslotException e) when (e.Errno == Errno.ENOMEM)
                {
                    if (!ReferenceEquals(vm.Vm.GetMemslots(0).Find(new Gfn(Gfn)), before) || before!.IsInvalid)
                        world.Fail(VerdictKind.Invariant, $"The update failed at {at}, and the slot is not what it was.");
                }

                vm.Vm.MemslotHook = null;
            });
            s.AtEnd("the update says whether it failed",
                () => failed == ReferenceEquals(vm.Vm.GetMemslots(0).Find(new Gfn(Gfn)), before) ? null
                    : "it failed and changed the slots, or the other way round");
        },
        """
        KVM's first version of this code forgot an unlock on two error paths. Whatever fails, every lock is free on return (invariant 7),
        the published slots are those of before, none of them is left marked invalid, and the guest goes on using the slot.
        """),
        new DelegateScenario("mmio-vs-slot-create", "A vCPU touches a gfn without a slot while one is created there.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            var vm = world.AddVm();
            vm.Vcpus[0].Load(Gfn);
            var created = new Cell();
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Load(Gfn);
                var after = created.Value != 0;
                vm.Vcpus[0].Load(Gfn);
                if (after && vm.Vcpus[0].Result != GuestAccessResult.Memory)
                {
                    world.Fail(VerdictKind.Invariant,
                        $"The slot was there, and an access that began afterwards ended as {vm.Vcpus[0].Result}.");
                }
            });
            world.Thread("create", () =>
            {
                vm.SetSlot(0, Gfn, 1, hva);
                created.Value = 1;
            });
        },
        """
        The first access leaves an entry that remembers "no slot here" together with the memslot generation. It counts only for that
        generation and not while an update is in progress; and it must never cover a mapping.
        """),
        new DelegateScenario("two-updates", "Two threads update the slots of one VM.", s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Thread("flags", () => vm.SetSlot(0, Gfn, 1, hva, MemslotFlags.LogDirtyPages));
            world.Thread("create", () => vm.SetSlot(1, Gfn + 1, 1, hva));
            s.AtEnd("both are there",
                () => Still.Slot(vm, new Gfn(Gfn)) is { LogsDirtyPages: true } && Still.Slot(vm, new Gfn(Gfn + 1)) is not null ? null
                    : "one update was lost");
        },
        """
        slots_lock is held for the whole update, over its grace periods: neither may publish a set made from one that the other has
        replaced.
        """),
    ];

    /// <summary>A VM with slot 0 of one page.</summary>
    private static (LabWorld World, LabVm Vm, Hva Hva) Slots(Schedule schedule, int vcpus = 1)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(1);
        var vm = world.AddVm(vcpus);
        vm.SetSlot(0, Gfn, 1, hva);
        return (world, vm, hva);
    }
}
