using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>Faults, zaps and flushes: what the core leaves out because it takes three threads, two pages or an odd beginning.</summary>
internal static class FaultCorpus
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("access-vs-two-discards", "A guest uses a page out of its TLB while two threads of the host drop it.", s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("reap", () => world.Reap(hva));
        }),
        new DelegateScenario("access-vs-overlapping-discards",
            "Two pages are dropped in one notification, the first of them also in another, while a guest uses it.", s =>
        {
            var (world, vm, hva) = Pages(s, 2);
            vm.Vcpus[0].Store(Gfn, 7);
            vm.Vcpus[0].Store(Gfn + 1, 8);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("both", () => world.Discard(hva, 2));
            world.Thread("first", () => world.Reap(hva));
        }),
        new DelegateScenario("reentry-vs-discard", "A guest leaves and enters with a page in its TLB while the host drops it.", s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Load(Gfn);
                vm.Vcpus[0].Load(Gfn);
            });
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("access-vs-harvest-and-discard",
            "The log is harvested and a page dropped while a guest uses that page out of its TLB.", s =>
        {
            var (world, vm, hva) = Pages(s, 1, flags: MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("fault-vs-disjoint-discards",
            "Two pages are dropped at once by two threads while a guest faults the first one in.", s =>
        {
            var (world, vm, hva) = Pages(s, 2);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("first", () => world.Discard(hva));
            world.Thread("second", () => world.Discard(hva + LabWorld.PageSize));
        }),
        new DelegateScenario("fault-after-many-invalidations", "A guest faults when 2^31 invalidations have ended.", s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            vm.Vm.Invalidation.SetSequence(0x7fff_ffff);
            // A fault that has come back a few times takes another way: without that, nothing hides a snapshot that never matches.
            vm.Vm.OptimisticRetries = int.MaxValue;
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 1));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("two-faults-one-table", "Two vCPUs fault two pages in below tables that neither has made yet.", s =>
        {
            var (world, vm, hva) = Pages(s, 2, vcpus: 2);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu 0", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("vcpu 1", () => vm.Vcpus[1].Load(Gfn + 1));
            AllTablesComeBack(s, vm);
        }),
        new DelegateScenario("store-vs-harvest-and-discard", "A guest stores to a page that the dirty log protects and the host drops.",
            s =>
        {
            var (world, vm, hva) = Pages(s, 1, flags: MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(Gfn, 7);
            vm.GetDirtyLog(0);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 8));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("probe-vs-use-and-create",
            "A guest probes an address where a slot is being created, another uses the slot, and the host drops the page.", s =>
        {
            var (world, vm, hva) = Pages(s, 1, vcpus: 2, slot: false);
            world.Memory.Write(hva, [1]);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("use",
                () => vm.Vcpus[1].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("probe, discard", () =>
            {
                vm.Vcpus[0].Load(Gfn);
                world.Discard(hva);
            });
        }),
        new DelegateScenario("delete-of-another-slot-vs-fault", "One slot is deleted while a guest faults a page of another in.", s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            var other = world.Map(1);
            vm.SetSlot(1, Gfn + 0x10, 1, other);
            vm.Vcpus[0].Store(Gfn + 0x10, 7);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("delete", () => vm.DeleteSlot(1));
            AllTablesComeBack(s, vm);
        }),
        new DelegateScenario("store-vs-discard-of-loaded-page",
            "A guest stores to a page that it has only loaded from so far, while the host drops it.", s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 8));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("load-and-store-faults", "One vCPU loads from a page and another stores to it, and nothing is mapped yet.",
            s =>
        {
            var (world, vm, hva) = Pages(s, 1, vcpus: 2);
            world.Memory.Write(hva, [1]);
            world.Thread("loads", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("stores", () => vm.Vcpus[1].Store(Gfn, 8));
            s.AtEnd("the SPTE of a page that was stored to says so", () =>
            {
                var clean = false;
                vm.Vm.Mmu.ForEachLeaf((_, _, _, leaf) => clean |= !leaf.Dirty);
                return clean ? "D is clear, and a vCPU has stored" : null;
            });
        }),
        new DelegateScenario("use-vs-delete-and-discard", "One slot is deleted while the host drops a page of another that a guest uses.",
            s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            var other = world.Map(1);
            vm.SetSlot(1, Gfn + 0x10, 1, other);
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Load, Gfn) }));
            world.Thread("delete", () => vm.DeleteSlot(1));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("aging-vs-zap", "Two pages are asked for their age while everything is zapped.", s =>
        {
            var (world, vm, hva) = Pages(s, 2);
            vm.Vcpus[0].Store(Gfn, 7);
            vm.Vcpus[0].Store(Gfn + 1, 8);
            world.Thread("aging", () => world.Memory.Notifiers.Young(
                new MmuNotifierRange(hva, hva + (2 * LabWorld.PageSize), MmuNotifierEvent.Clear), YoungQuery.Clear));
            world.Thread("zap", vm.ZapAll);
        }),
        new DelegateScenario("lockless-consumer", "A reader of the invalidation counts that takes no lock, as KVM's pfn caches are.", s =>
        {
            var (world, vm, hva) = Pages(s, 1);
            var state = vm.Vm.Invalidation;
            var valid = true;
            world.Thread("host", () =>
            {
                world.Memory.Notifiers.TryStart(new MmuNotifierRange(hva, hva + LabWorld.PageSize, MmuNotifierEvent.Clear),
                    out var invalidation);
                valid = false;
                world.Memory.Notifiers.End(invalidation);
            });
            world.Thread("reader", () =>
            {
                var sequence = state.Sequence;
                var found = valid;
                var count = state.InProgress;
                var still = valid;
                if (count == 0 && state.Sequence == sequence && found && !still)
                {
                    s.Fail(VerdictKind.Invariant,
                        "What was found before an invalidation passed for current after it: the count is down and the sequence has not "
                            + "moved.");
                }
            });
        }),
    ];

    internal const ulong Gfn = 0x10;

    internal static (LabWorld World, LabVm Vm, Hva Hva) Pages(Schedule schedule, int pages, int vcpus = 1,
        MemslotFlags flags = MemslotFlags.None, bool slot = true, VmOptions? options = null)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(pages);
        var vm = world.AddVm(vcpus, options);
        if (slot)
            vm.SetSlot(0, Gfn, pages, hva, flags);
        return (world, vm, hva);
    }

    /// <summary>Every table handed out is either reachable or comes back when the VM goes.</summary>
    internal static void AllTablesComeBack(Schedule schedule, LabVm vm) => schedule.AtEnd("every table comes back when the VM goes", () =>
    {
        vm.Dispose();
        return vm.Vm.Mmu.Allocator.InUse is > 0 and var left ? $"{left} tables are lost" : null;
    });
}
