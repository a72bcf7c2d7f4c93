using Warren.HostMemory;

namespace Warren.Lab;

/// <summary>
/// Zapping everything in a VM whose MMU shadows: the generation of pages, the walk over the obsolete ones, and the limit.
/// </summary>
internal static class ShadowZapScenarios
{
    private const ulong Gfn = 0x10;

    /// <summary>Pages so far apart need tables of their own at every level below the root.</summary>
    private const ulong Apart = 1UL << 27;

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("shadow-delete-vs-access", "A slot is deleted while a guest uses it, over shadow pages.", s =>
        {
            var (world, vm, _) = Pages(s);
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("delete", () => vm.DeleteSlot(0));
        },
        """
        One step under mmu_lock makes every shadow page obsolete, and every vCPU is asked to let go of its root in the same section,
        strictly after: a vCPU that serves the request sees the root obsolete. The wait for them comes when the lock is free; when the
        deletion returns no vCPU is in a root of before.
        """),
        new DelegateScenario("shadow-use-vs-delete-and-discard",
            "One slot is deleted while the host drops a page of another that a guest uses, over shadow pages.", s =>
        {
            var (world, vm, hva) = Pages(s);
            vm.SetSlot(1, Gfn + 0x20, 1, world.Map(1));
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("delete", () => vm.DeleteSlot(1));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        Between the toggle and the moment when the last vCPU has let go the obsolete pages are still walked. Notifications find their SPTEs
        by the reverse maps like any others, and flush.
        """),
        new DelegateScenario("shadow-zap-all-under-load",
            "Everything is zapped while two vCPUs never stop faulting, and a third, which does not run, keeps its root.", s =>
        {
            var (world, vm, _) = Pages(s, vcpus: 3);
            vm.Vcpus[0].Load(Gfn);
            vm.Vcpus[2].Load(Gfn);
            world.Background("vcpu0", () => vm.Vcpus[0].Load(Gfn));
            world.Background("vcpu1", () => vm.Vcpus[1].Load(Gfn));
            world.Thread("zap", () => VcpuScenarios.ZapAll(vm));
        },
        """
        The obsolete pages are the tail of the active list. The walk takes the oldest until it meets a current one, so vCPUs that keep
        building give it nothing to do; the root that is in use is taken off the list once, to be freed when its vCPU lets go of it.
        """),
        new DelegateScenario("shadow-two-zaps-vs-fault", "Everything is zapped twice while a vCPU faults for the second time.", s =>
        {
            var (world, vm, hva) = Pages(s);
            vm.SetSlot(1, Gfn + Apart, 1, hva);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn + Apart));
            world.Thread("zap", () =>
            {
                VcpuScenarios.ZapAll(vm);
                VcpuScenarios.ZapAll(vm);
            });
            FaultCorpus.AllTablesComeBack(s, vm);
        },
        """
        One bit of generation is enough: a second toggle finds nothing left of the pages of before the first, and nothing can have been
        built on those, nor point up into them.
        """),
        new DelegateScenario("shadow-limit-vs-zap",
            "A vCPU touches more than the limit of shadow pages allows at once while everything is zapped.", s =>
        {
            var (world, vm, hva) = Pages(s);
            vm.SetSlot(1, Gfn + Apart, 1, hva + LabWorld.PageSize);
            // Room for one of the two at a time.
            ((ShadowMmu)vm.Vm.Mmu).PageLimit = 6;
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Store(Gfn + Apart, 2);
                if (vm.Vcpus[0].Load(Gfn) != 1)
                    s.Fail(VerdictKind.Invariant, "What the guest stored is gone.");
            });
            world.Thread("zap", () => VcpuScenarios.ZapAll(vm));
            FaultCorpus.AllTablesComeBack(s, vm);
        },
        """
        Room is made before a fault builds anything, from the oldest page on and never at the cost of a root in use, below which the fault
        is about to build. What is zapped is flushed and freed before mmu_lock is dropped.
        """),
    ];

    private static (LabWorld World, LabVm Vm, Hva Hva) Pages(Schedule schedule, int vcpus = 1)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(2);
        world.Memory.Write(hva, [1]);
        var vm = world.AddVm(vcpus, RmapScenarios.Shadow);
        vm.SetSlot(0, Gfn, 1, hva);
        return (world, vm, hva);
    }
}
