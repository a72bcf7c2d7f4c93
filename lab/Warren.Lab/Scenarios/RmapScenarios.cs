using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>Reverse maps, allocated for all slots when the first shadow root is made.</summary>
internal static class RmapScenarios
{
    private const ulong Gfn = 0x10;

    internal static VmOptions Shadow { get; } = new() { Mmu = MmuKind.Shadow, HugePages = false };

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("first-root-vs-updates",
            "The first shadow root is made while a slot changes its flags and another is created.", s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Thread("first root", () => FirstRoot(vm));
            world.Thread("update", () =>
            {
                vm.SetSlot(0, Gfn, 1, hva, MemslotFlags.LogDirtyPages);
                vm.SetSlot(1, Gfn + 1, 1, hva);
            });
            s.AtEnd("every slot has its reverse maps", () => Missing(vm));
        },
        """
        slots_arch_lock is held from the first look at what the old slot has until the new set is published: whoever allocates for all
        published slots under it either is seen by the update, or sees its slot. It is free before the grace period, so that it may be taken
        inside a read section.
        """),
        new DelegateScenario("first-root-vs-move", "The first shadow root is made while a slot is moved, and the move may fail at the end.",
            s =>
        {
            var (world, vm, hva) = Slots(s);
            var fails = s.Choose("publishing the move fails");
            vm.Vm.MemslotHook = step => fails && step == MemslotStep.Publish ? Errno.ENOMEM : null;
            world.Thread("first root", () => FirstRoot(vm));
            world.Thread("move", () => Try(() => vm.SetSlot(0, Gfn + 1, 1, hva)));
            s.AtEnd("every slot has its reverse maps",
                () => Missing(vm)
                    ?? (Still.Slot(vm, new Gfn(fails ? Gfn : Gfn + 1)) is { IsInvalid: false } ? null
                        : "the slot is not where it must be"));
        },
        """
        While the old slot is invalid and being zapped, slots_arch_lock is free, and the first root may give it its reverse maps. They are
        the slot's if the move fails, and go with the old object if it succeeds: the slot at its new place has its own.
        """),
        new DelegateScenario("two-first-roots", "Two vCPUs want the first shadow root at once.", s =>
        {
            var (world, vm, _) = Slots(s);
            world.Thread("vcpu0", () => FirstRoot(vm));
            world.Thread("vcpu1", () => FirstRoot(vm));
            s.AtEnd("every slot has its reverse maps", () => Missing(vm));
        },
        """
        Whoever comes second to slots_arch_lock looks at the flag again. Else it would put empty reverse maps in the place of those that the
        first has begun to fill.
        """),
        new DelegateScenario("first-root-vs-notification", "The first shadow root is made while the host drops a page of a slot.", s =>
        {
            var (world, vm, hva) = Slots(s);
            world.Thread("first root", () => FirstRoot(vm));
            world.Thread("discard", () => world.Discard(hva));
            s.AtEnd("every slot has its reverse maps", () => Missing(vm));
        },
        """
        A notification takes neither lock of the slots. It reads the flag, and if that is raised finds every slot with its reverse maps:
        they are stored before.
        """),
        new DelegateScenario("notification-vs-slot-deleted", "The host drops a page of a slot with reverse maps while the slot is deleted.",
            s =>
        {
            var (world, vm, hva) = Slots(s, root: true);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("delete", () => vm.DeleteSlot(0));
        },
        """
        A notification walks the reverse maps of the slots it finds, inside kvm_srcu and under mmu_lock. They are freed when nobody can be
        doing so any more: a grace period after the set without the slot was published.
        """),
        new DelegateScenario("aging-vs-first-fault", "The host asks whether a page is young while a vCPU faults it in; with a shadow MMU.",
            s =>
        {
            var (world, vm, hva) = Slots(s, vcpus: 1);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("age", () => world.Memory.Age(hva, LabWorld.PageSize, clear: true));
        },
        """
        Aging walks the reverse map of the page with mmu_lock held for read; the fault adds its SPTE to it with the lock held for write.
        """),
        new DelegateScenario("first-root-allocations-fail",
            "Each allocation of the first shadow root fails in turn, while a slot is created; the next try succeeds.", s =>
        {
            var (world, vm, hva) = Slots(s);
            var failing = s.Choose("which allocation fails", 4);
            var count = 0;
            vm.Vm.MemslotHook = step => step is MemslotStep.AllocateRmaps or MemslotStep.AllocateHash && count++ == failing ? Errno.ENOMEM
                : null;
            world.Thread("first root", () =>
            {
                var idx = vm.Vm.Srcu.ReadLock();
                if (Mmu(vm).Rmaps.FirstShadowRoot() is { } error && error.Errno != Errno.ENOMEM)
                    world.Fail(VerdictKind.Invariant, $"Running out of memory was reported as {error}.");
                vm.Vm.Srcu.ReadUnlock(idx);
                FirstRoot(vm);
            });
            world.Thread("create", () => Try(() => vm.SetSlot(1, Gfn + 1, 1, hva)));
            s.AtEnd("every slot has its reverse maps", () => Missing(vm));
        },
        """
        The review of KVM's first version found two error paths that kept slots_arch_lock. Whatever fails, nothing has changed and every
        lock is free: also the creation, which may be the one whose allocation failed, finds it so.
        """),
    ];

    /// <summary>As a vCPU makes it: inside SRCU, since slots_lock may not be taken there.</summary>
    internal static void FirstRoot(LabVm vm)
    {
        var idx = vm.Vm.Srcu.ReadLock();
        Mmu(vm).Rmaps.FirstShadowRoot();
        vm.Vm.Srcu.ReadUnlock(idx);
    }

    /// <summary>Which slot lacks what it must have, or has what it must not; null when all is well.</summary>
    internal static string? Missing(LabVm vm)
    {
        foreach (var slot in vm.Vm.GetMemslots(0))
        {
            if (slot.Rmaps is null == Mmu(vm).Rmaps.Present)
            {
                return Mmu(vm).Rmaps.Present ? $"slot {slot.Id} has none, and they were allocated for all"
                    : $"slot {slot.Id} has some before there is a root";
            }
        }

        return null;
    }

    private static ShadowMmu Mmu(LabVm vm) => (ShadowMmu)vm.Vm.Mmu;

    /// <summary>A VM with a shadow MMU and slot 0 of one page.</summary>
    private static (LabWorld World, LabVm Vm, Hva Hva) Slots(Schedule schedule, bool root = false, int vcpus = 0)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(1);
        var vm = world.AddVm(vcpus, Shadow);
        vm.SetSlot(0, Gfn, 1, hva);
        if (root)
            FirstRoot(vm);
        schedule.Monitor(new SlotDataMonitor(schedule, vm));
        return (world, vm, hva);
    }

    private static void Try(Action update)
    {
        try
        {
            update();
        }
        catch (MemslotException)
        {
            // Made to fail.
        }
    }
}
