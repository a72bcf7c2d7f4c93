using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Memslot updates against notifications: what a gate is for. Every scenario takes the gate of <see cref="LabSettings"/>, passes with the
/// two gates of production, and shows why some other loses.
/// </summary>
internal static class GateScenarios
{
    private const ulong Gfn = 0x10;
    private const ulong Alias = 0x20;

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("gate-create",
            "A slot appears over a page while madvise(DONTNEED) drops it, and a vCPU uses the slot at once.", s =>
        {
            var (world, vm, hva) = Page(s);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
        },
        """
        The discard's start may look for slots before the new one is there, and elide. From its end on the page is gone. Whoever finds the
        slot in between must not map what the host page table still shows: the update either waits for the discard (active-count), or lets
        it in and bumps the sequence (join). And the discard's end must not lower a count that its start has not raised.
        """),
        new DelegateScenario("gate-create-between",
            "A slot appears between a start and its end: the two must agree on whether they entered the VM.", s =>
        {
            var (world, vm, hva) = Page(s);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("notification", () => Notify(world, hva));
        },
        "Start and end that each look for themselves see different slots. The count goes to -1, which the end refuses."),
        new DelegateScenario("gate-delete-between", "A slot goes between a start and its end.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("delete", () => vm.DeleteSlot(0));
            world.Thread("notification", () => Notify(world, hva));
        },
        "An end that finds no slot any more leaves the count up: every fault of the range retries for ever."),
        new DelegateScenario("gate-delete-create",
            "A slot is deleted and another made over the same page while madvise(DONTNEED) drops it.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("update", () =>
            {
                vm.DeleteSlot(0);
                vm.SetSlot(1, Alias, 1, hva);
            });
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Alias));
        }),
        new DelegateScenario("gate-alias", "A second slot appears over a page that a notification in flight has entered through the first.",
            s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("create", () => vm.SetSlot(1, Alias, 1, hva));
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Alias));
        },
        """
        Slots may overlap in hva. The notification has raised the count and covers the first slot's gfns; a fault through the second asks
        about other gfns. Its range has to be added without raising the count again.
        """),
        new DelegateScenario("gate-alias-late-start",
            "An update lets a notification in for a new slot before its start has zapped the old one.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("create", () => vm.SetSlot(1, Alias, 1, hva));
            world.Thread("discard", () => world.Discard(hva));
        },
        "The start finds that it has entered already. The SPTE of the first slot is still there: it has to zap in every case."),
        new DelegateScenario("gate-move-twice", "A slot is moved and moved back while one notification is in flight.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("move", () =>
            {
                vm.SetSlot(0, Alias, 1, hva);
                vm.SetSlot(0, Gfn, 1, hva);
            });
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("gate-nested", "One thread nests notifications while a slot is created.", s =>
        {
            var (world, vm, hva) = Page(s, pages: 2);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 2, hva));
            world.Thread("notification", () =>
            {
                var range = new MmuNotifierRange(hva, hva + (2 * LabWorld.PageSize), MmuNotifierEvent.Unmap);
                world.Memory.Notifiers.TryStart(range, out var outer);
                Notify(world, hva);
                world.Memory.Notifiers.End(outer);
                Check.AssertNoneHeld();
            });
        },
        """
        A host that unmaps a range may break a share within it. With a lock held for read from start to end, an update that queues for write
        between the two starts stops the inner one, and waits for the outer: nobody goes on.
        """),
        new DelegateScenario("gate-one-after-another", "One notification follows the other while a slot is created.", s =>
        {
            var (world, vm, hva) = Page(s);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("notifications", () =>
            {
                Notify(world, hva);
                Notify(world, hva);
            });
        },
        "Between the wake-up that says nothing is in flight, and the updater's look at it, the next may begin."),
        new DelegateScenario("gate-nested-reap", "A non-blockable notification within a blockable one, while a slot is created.", s =>
        {
            var (world, vm, hva) = Page(s);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("notification", () =>
            {
                var range = new MmuNotifierRange(hva, hva + LabWorld.PageSize, MmuNotifierEvent.Unmap);
                world.Memory.Notifiers.TryStart(range, out var outer);
                Notify(world, hva, blockable: false);
                world.Memory.Notifiers.End(outer);
                Check.AssertNoneHeld();
            });
        },
        "The inner one may not sleep. With a semaphore it can only try, again and again, behind the update that is queued for the outer "
            + "one's end."),
        new DelegateScenario("gate-reap", "The OOM reaper, whose notification may not block, while a slot is created and used.", s =>
        {
            var (world, vm, hva) = Page(s);
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
            world.Thread("reaper", () => world.Reap(hva));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
        }),
        new DelegateScenario("gate-refused",
            "A device refuses a non-blockable notification that the VM has accepted, while a second slot appears.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            _ = new LabDevice(world, hva, 1, refuses: true);
            world.Thread("create", () => vm.SetSlot(1, Alias, 1, hva));
            world.Thread("reaper", () => world.Reap(hva));
        },
        "All are called, also after a refusal; then those that were entered, by their start or by the update, get their end."),
        new DelegateScenario("gate-removal", "A VM is destroyed between a start and its end.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("destroy", vm.Dispose);
            world.Thread("notification", () => Notify(world, hva));
        },
        """
        A notifier that is unregistered is not told the ends that are still to come, and unregistering waits for none. A count goes with its
        VM. A lock held from start to end is held by a thread that will never give it back: it has to be made anew, or, as here, is missed
        at the thread's return.
        """),
        new DelegateScenario("gate-device", "Another subscriber, a device, takes a mutex in its callbacks.", s =>
        {
            var (world, vm, hva) = Page(s);
            vm.SetSlot(0, Gfn, 1, hva);
            _ = new LabDevice(world, hva, 1);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("create", () => vm.SetSlot(1, Alias, 1, hva + (4 * LabWorld.PageSize)));
        },
        "Notifiers are called one after the other: what one of them holds from start to end is held while the next sleeps."),
        new DelegateScenario("gate-copy-on-write", "A guest store breaks a share of a file's page, while an unrelated slot is created.",
            s =>
        {
            var world = new LabWorld(s);
            var hva = world.MapFile(1);
            var other = world.Map(1);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 5));
            world.Thread("create", () => vm.SetSlot(1, Alias, 1, other));
        },
        """
        The fault copies the page between a start and an end. Whatever lock the start takes inside the pseudo-lock "invalidate_range" and
        keeps until the end, the end enters the pseudo-lock with it held: a circle of classes, seen from one thread that never waited. This
        is what lockdep said of the semaphore proposed in 2021.
        """),
        new DelegateScenario("gate-two-ranges", "Two pages of one slot are dropped at once, by two threads, while a vCPU uses the second.",
            s =>
        {
            var (world, vm, hva) = Page(s, pages: 2);
            vm.SetSlot(0, Gfn, 2, hva);
            world.Thread("first", () => world.Discard(hva));
            world.Thread("second", () => world.Discard(hva + LabWorld.PageSize));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn + 1));
        },
        "The range that faults ask about is the union of what is in flight, and starts anew with the first: count and range have to "
            + "change as one."),
        new DelegateScenario("gate-endless",
            "Two threads of the host notify without end, of pages that no slot has; a slot is created meanwhile.", s =>
        {
            var (world, vm, hva) = Page(s);
            var elsewhere = hva + (4 * LabWorld.PageSize);
            s.Background("host 0", () => Notify(world, elsewhere));
            s.Background("host 1", () => Notify(world, elsewhere + LabWorld.PageSize));
            world.Thread("create", () => vm.SetSlot(0, Gfn, 1, hva));
        },
        """
        The notifications overlap: there is always one in flight. An update that waits for none to be waits for ever, with slots_lock and
        slots_arch_lock held (syzbot saw 143 seconds). Nobody is at fault but the protocol: every thread gets its turn.
        """),
        new DelegateScenario("gate-two-kinds",
            "Two VMs of one address space, one with active-count: its update waits, the other's must not.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            world.Memory.Write(hva, [1]);
            var one = world.AddVm();
            var two = world.AddVm(0, gate: Hypervisor.Invalidation.GateKind.ActiveCount);
            world.Thread("create 1", () => one.SetSlot(0, Gfn, 1, hva));
            world.Thread("create 2", () => two.SetSlot(0, Gfn, 1, hva));
            world.Thread("discard", () => world.Discard(hva));
        }),
    ];

    /// <summary>A VM with one vCPU and no slot, and host pages of which the first has been written.</summary>
    private static (LabWorld World, LabVm Vm, Hva Hva) Page(Schedule schedule, int pages = 1)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(8);
        for (var i = 0; i < pages; i++)
            world.Memory.Write(hva + ((ulong)i * LabWorld.PageSize), [1]);
        return (world, world.AddVm(), hva);
    }

    /// <summary>A notification of one page that changes nothing.</summary>
    private static void Notify(LabWorld world, Hva hva, bool blockable = true)
    {
        var range = new MmuNotifierRange(hva, hva + LabWorld.PageSize, MmuNotifierEvent.Clear, blockable);
        if (world.Memory.Notifiers.TryStart(range, out var invalidation))
            world.Memory.Notifiers.End(invalidation);
    }
}
