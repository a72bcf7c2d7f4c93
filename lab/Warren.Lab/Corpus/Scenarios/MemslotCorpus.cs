using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>Memslot updates: against faults and invalidations, failing half-way, and what the MMU keeps per slot.</summary>
internal static class MemslotCorpus
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("delete-vs-fault", "A slot is deleted while a guest faults one of its pages in.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn));
            world.Thread("delete", () => vm.DeleteSlot(0));
        }),
        new DelegateScenario("delete-vs-access", "A slot is deleted while a guest uses one of its pages out of its TLB.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0]
                    .Run(new GuestInstruction[] { new(GuestOperation.Load, FaultCorpus.Gfn), new(GuestOperation.Load, FaultCorpus.Gfn) }));
            world.Thread("delete", () => vm.DeleteSlot(0));
        }),
        new DelegateScenario("failed-delete-vs-access", "A deletion that fails half-way while a guest accesses the slot.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, vcpus: 2);
            world.Memory.Write(hva, [1]);
            var fails = s.Choose("the deletion fails", 3);
            vm.Vm.MemslotHook = step => (fails, step) is (1, MemslotStep.PrepareMmu) or (2, MemslotStep.Publish) ? Errno.ENOMEM : null;
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn));
            world.Thread("delete", () =>
            {
                Try(() => vm.DeleteSlot(0));
                if (vm.Vm.GetMemslots(0).Find(new Gfn(FaultCorpus.Gfn)) is null)
                    return;
                // On a thread of the schedule: an access that retries for ever is seen as what it is.
                vm.Vcpus[1].Load(FaultCorpus.Gfn);
                if (vm.Vcpus[1].Result != GuestAccessResult.Memory)
                {
                    s.Fail(VerdictKind.Invariant,
                        $"The deletion has failed, and a guest's access to the slot ends as {vm.Vcpus[1].Result}.");
                }
            });
        }),
        new DelegateScenario("failed-create",
            "A slot with a dirty bitmap and reverse maps is created, and an allocation or the last step fails.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, vcpus: 0, slot: false, options: RmapScenarios.Shadow);
            s.Monitor(new SlotDataMonitor(s, vm));
            RmapScenarios.FirstRoot(vm);
            var fails = s.Choose("the update fails", 3);
            vm.Vm.MemslotHook = step => (fails, step) is (1, MemslotStep.AllocateRmaps) or (2, MemslotStep.Publish) ? Errno.ENOMEM : null;
            world.Thread("create", () => Try(() => vm.SetSlot(0, FaultCorpus.Gfn, 1, hva, MemslotFlags.LogDirtyPages)));
        }),
        new DelegateScenario("store-vs-logging-off", "A guest stores to a logged page while logging is switched off and the bitmap goes.",
            s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, flags: MemslotFlags.LogDirtyPages);
            s.Monitor(new SlotDataMonitor(s, vm));
            // The store finds the page mapped and protected, and marks it without a lock.
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 7);
            vm.GetDirtyLog(0);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(FaultCorpus.Gfn, 8));
            world.Thread("logging off", () => vm.SetSlot(0, FaultCorpus.Gfn, 1, hva));
        }),
        new DelegateScenario("create-vs-discard", "A slot is created over a page, and used, while the host drops that page.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, slot: false);
            world.Memory.Write(hva, [1]);
            world.Thread("create", () =>
            {
                vm.SetSlot(0, FaultCorpus.Gfn, 1, hva);
                vm.Vcpus[0].Load(FaultCorpus.Gfn);
            });
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("create-vs-discard-and-fault",
            "A slot is created over a page that a guest faults in and the host drops, all at once.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, slot: false);
            world.Memory.Write(hva, [1]);
            // The vCPU has its root: loading one would wait for the update.
            vm.SetSlot(1, FaultCorpus.Gfn + 1, 1, world.Map(1));
            vm.Vcpus[0].Load(FaultCorpus.Gfn + 1);
            world.Thread("create", () => vm.SetSlot(0, FaultCorpus.Gfn, 1, hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("alias-created-vs-discard",
            "A second slot is created over a page that the host drops and a guest uses through the first.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 7);
            world.Thread("create", () => vm.SetSlot(1, FaultCorpus.Gfn + 1, 1, hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("alias-created-and-used-vs-discard",
            "A second slot is created over a page that the host drops, and used at once.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 7);
            world.Thread("create", () =>
            {
                vm.SetSlot(1, FaultCorpus.Gfn + 1, 1, hva);
                vm.Vcpus[0].Load(FaultCorpus.Gfn + 1);
            });
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("delete-vs-discard-and-access", "A slot is deleted while the host drops its page and a guest uses it.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 7);
            world.Thread("delete", () => vm.DeleteSlot(0));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("create-vs-two-discards", "A slot is created over a page, and used, while the host drops that page twice.",
            s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, slot: false);
            world.Memory.Write(hva, [1]);
            world.Thread("create", () =>
            {
                vm.SetSlot(0, FaultCorpus.Gfn, 1, hva);
                vm.Vcpus[0].Load(FaultCorpus.Gfn);
            });
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("reap", () => world.Reap(hva));
        }),
        new DelegateScenario("mmio-then-create", "A guest has probed an address where a slot is then created.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, slot: false);
            vm.Vcpus[0].Load(FaultCorpus.Gfn);
            world.Thread("create", () =>
            {
                vm.SetSlot(0, FaultCorpus.Gfn, 1, hva);
                vm.Vcpus[0].Load(FaultCorpus.Gfn);
                if (vm.Vcpus[0].Result != GuestAccessResult.Memory)
                    s.Fail(VerdictKind.Invariant, $"The slot was created, and the guest's access ends as {vm.Vcpus[0].Result}.");
            });
        }),
        new DelegateScenario("first-root-vs-flags",
            "The first shadow root, which allocates reverse maps for every slot, is made while a slot changes its flags.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, vcpus: 0, options: RmapScenarios.Shadow);
            s.Monitor(new SlotDataMonitor(s, vm));
            world.Thread("first shadow root", () => RmapScenarios.FirstRoot(vm));
            world.Thread("flags", () => vm.SetSlot(0, FaultCorpus.Gfn, 1, hva, MemslotFlags.LogDirtyPages));
            s.AtEnd("every slot has its reverse maps", () => RmapScenarios.Missing(vm));
        }),
        new DelegateScenario("first-root-vs-create", "The first shadow root is made while a slot is created.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1, vcpus: 0, slot: false, options: RmapScenarios.Shadow);
            s.Monitor(new SlotDataMonitor(s, vm));
            world.Thread("first shadow root", () => RmapScenarios.FirstRoot(vm));
            world.Thread("create", () => vm.SetSlot(0, FaultCorpus.Gfn, 1, hva));
            s.AtEnd("every slot has its reverse maps", () => RmapScenarios.Missing(vm));
        }),
    ];

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
