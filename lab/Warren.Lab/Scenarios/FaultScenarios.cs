using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Lab;

/// <summary>Page faults and guest accesses against whatever takes the page away or changes what backs it.</summary>
internal static class FaultScenarios
{
    private const ulong Gfn = 0x10;

    /// <summary>Its leaf table is not the first one of any table above it.</summary>
    private const ulong Far = 0x3000;

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("fault-vs-discard", "A guest load faults its page in while madvise(DONTNEED) drops it.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        The fault reads the invalidation sequence, asks the host for the frame, and installs the SPTE under mmu_lock. The discard notifies,
        clears the host's entry and frees the frame. Whenever the notification falls between the fault's snapshot and its SPTE, the fault
        must notice and start again; else the SPTE leads to a freed frame.
        """),
        new DelegateScenario("fault-vs-munmap", "A guest store faults while the host unmaps the page and its VMA.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 5));
            world.Thread("munmap", () => world.Unmap(hva));
        },
        """
        As fault-vs-discard, with the mmap lock held for write around the notification: the fault either comes before and is zapped, or
        finds no VMA and raises an access fault in the guest.
        """),
        new DelegateScenario("access-vs-discard", "A guest keeps using a page out of its TLB while madvise(DONTNEED) drops it.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.Vcpus[0].Store(Gfn, 7);
            world.Thread("vcpu",
                () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, Gfn), new(GuestOperation.Store, Gfn, 8) }));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        The TLB entry was filled before. The start of the invalidation zaps the SPTE, requests a flush and waits until the vCPU has left
        guest mode (or was never there); only then may the frame go. Requests and modes form a Dekker pair: each side writes its word, then
        reads the other's.
        """),
        new DelegateScenario("cow-break-vs-read", "One vCPU reads a page shared with a file while another writes it.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.MapFile(1);
            var vm = world.AddVm(2);
            vm.SetSlot(0, Gfn, 1, hva);
            vm.Vcpus[0].Load(Gfn);
            var written = new Cell();
            world.Thread("reader", () =>
            {
                var after = written.Value != 0;
                var seen = vm.Vcpus[0].Load(Gfn);
                if (after && seen != 9)
                    world.Fail(VerdictKind.Invariant, $"The write had ended, and another vCPU read {seen} afterwards.");
            });
            world.Thread("writer", () =>
            {
                vm.Vcpus[1].Store(Gfn, 9);
                written.Value = 1;
            });
        },
        """
        The writer's fault copies the file's frame and replaces the entry between start and end of a notification. The reader's TLB and SPTE
        lead to the old frame: both must be gone before the new one is written, or the two vCPUs of one guest see different memory for ever.
        """),
        new DelegateScenario("protect-vs-write", "mprotect makes a page read-only while the guest writes it.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            world.Thread("mprotect", () => world.Protect(hva, VmaProtection.Read));
        },
        """
        The SPTE and the TLB entry allow writing. After mprotect has returned neither may: the next store faults, finds a VMA that forbids
        it, and becomes an access fault of the guest. The frame oracle compares every writable SPTE with the VMA.
        """),
        new DelegateScenario("patient-fault-vs-discard",
            "As fault-vs-discard, for a fault that has retried so often that it looks its page up under mmu_lock.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            vm.Vm.OptimisticRetries = 0;
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        Such a fault ignores the sequence, and the union of what is in progress. It asks, under mmu_lock, whether a notification in flight
        covers the page, and then looks the page up: one that left the list before has changed the host's page table already, one that
        enters it later waits for mmu_lock. The mmap lock is only tried, since whoever holds it may be waiting for mmu_lock.
        """),
        new DelegateScenario("patient-fault-vs-munmap", "As fault-vs-munmap, for a fault that looks its page up under mmu_lock.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            vm.Vm.OptimisticRetries = 0;
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 5));
            world.Thread("munmap", () => world.Unmap(hva));
        }),
        new DelegateScenario("patient-fault-vs-cow-break", "A fault that looks its page up under mmu_lock meets the break of a share.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.MapFile(1);
            var vm = world.AddVm(2);
            vm.SetSlot(0, Gfn, 1, hva);
            vm.Vcpus[1].Load(Gfn);
            vm.Vm.OptimisticRetries = 0;
            world.Thread("reader", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("writer", () => vm.Vcpus[1].Store(Gfn, 9));
        }),
        new DelegateScenario("patient-host-write-vs-discard", "A device's write that looks its page up under mmu_lock meets a discard.",
            s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            vm.Vm.OptimisticRetries = 0;
            world.Thread("device", () => vm.WriteGuest(Gfn, 5));
            world.Thread("discard", () => world.Discard(hva));
        }),
        new DelegateScenario("two-faults-one-page", "Two vCPUs fault on one page that the host has to fill.", s =>
        {
            var (world, vm, _) = OnePage(s, vcpus: 2);
            world.Thread("store", () => vm.Vcpus[0].Store(Gfn, 1));
            world.Thread("load", () => vm.Vcpus[1].Load(Gfn));
        },
        """
        Both ask the host, one of the two frames is installed in the host's entry and the other given back; both link tables and install a
        leaf by compare-exchange, and the loser takes what it finds. A reader's leaf must not take the writer's rights away, and no frame
        may be lost.
        """),
        new DelegateScenario("lost-table-then-new-root",
            "Two vCPUs link a table in one place; then everything is zapped, and the next root is made by the one that came second.", s =>
        {
            var world = new LabWorld(s);
            var vm = world.AddVm(2);
            // Of one table of level 2, which the first fault links with those above it: what is left to race for is a leaf table, and
            // whoever loses it has it uppermost in its cache.
            vm.SetSlot(0, Far, 1, world.Map(1));
            vm.SetSlot(1, Far + SpteTable.EntryCount, 1, world.Map(1));
            vm.Vcpus[0].Load(Far + SpteTable.EntryCount);
            world.Thread("vcpu0", () =>
            {
                vm.Vcpus[0].Load(Far);
                VcpuScenarios.ZapAll(vm);
                vm.Vcpus[0].Load(Far);
            });
            world.Thread("vcpu1", () => vm.Vcpus[1].Load(Far));
        },
        """
        A table is made complete before it is linked, and the one that finds its place taken goes back to the cache of its vCPU, from where
        it may become anything: another table, or the root of whatever is built next. So it goes back as if new. The audit at the end looks
        at the record of every table, and at what the caches hold.
        """),
        new DelegateScenario("two-faults-in-one-hole",
            "Two vCPUs access an address where no slot is, and each would link the tables to remember that.", s =>
        {
            var world = new LabWorld(s);
            var vm = world.AddVm(2);
            world.Thread("vcpu0", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("vcpu1", () => vm.Vcpus[1].Load(Gfn));
            s.AtEnd("the tables of holes are counted",
                () => ((TdpMmu)vm.Vm.Mmu).MmioTables is var count && count == TdpMmu.RootLevel - 1 ? null
                    : $"there are {TdpMmu.RootLevel - 1}, and the count says {count}");
        },
        """
        A guest must not make its host fill memory by probing where nothing is, so tables that only remember that are counted, and there is
        a bound. The one that loses its place to the other vCPU's does not count, or the bound would come nearer with every race.
        """),
        new DelegateScenario("host-write-vs-discard", "A device writes guest memory while madvise(DONTNEED) drops the page.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            var discarded = new Cell();
            world.Thread("device", () =>
            {
                var after = discarded.Value != 0;
                vm.WriteGuest(Gfn, 5);
                if (after && vm.ReadGuest(Gfn) != 5)
                    world.Fail(VerdictKind.Invariant, "A write to guest memory that began after the discard had returned was lost.");
            });
            world.Thread("discard", () =>
            {
                world.Discard(hva);
                discarded.Value = 1;
            });
        },
        """
        The hypervisor's own write takes the same snapshot as a fault, and copies under mmu_lock held for read after the same check, so that
        the frame cannot be freed, or become another's, under the copy.
        """),
        new DelegateScenario("host-write-vs-cow-break", "A device and a vCPU write different words of a page shared with a file.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.MapFile(1);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva);
            world.Thread("device", () => vm.WriteGuest(Gfn, 5));
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 7, offset: 8));
            s.AtEnd("both writes are there",
                () => (vm.ReadGuest(Gfn), vm.Vcpus[0].Load(Gfn, 8)) is (5UL, 7UL) ? null
                    : "one of the two was made to a copy that is gone");
        },
        """
        Both break the share; one of them loses. A write that went to the losing copy, or to the file's own frame, would be lost or seen by
        every other mapping of the file.
        """),
        new DelegateScenario("reap-vs-fault", "The OOM reaper drops a page without blocking while a vCPU faults it in.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("reaper", () => world.Reap(hva));
        },
        """
        The reaper's notification may not block: it takes the mmap lock only if that is free, and the VM's part of it neither sleeps nor
        yields. Otherwise as fault-vs-discard.
        """),
        new DelegateScenario("budget-vs-faults",
            "Two vCPUs need a page each, and the budget holds one; a discard gives one back meanwhile.", s =>
        {
            var world = new LabWorld(s, budgetPages: 1);
            var hva = world.Map(2);
            var vm = world.AddVm(2);
            vm.SetSlot(0, Gfn, 2, hva);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[1].Store(Gfn + 1, 2));
            world.Thread("discard", () => world.Discard(hva));
            s.AtEnd("who got no page says why",
                () => vm.Vcpus[1].LastExit == VcpuExitReason.EnvironmentCall && vm.Vcpus[1].Result == GuestAccessResult.Memory
                    || vm.Vm.ErrorReason is not null
                ? null : "the store failed without a word");
        },
        """
        A fault that finds the budget used up reports an error of the VM and ends; it holds nothing afterwards, and every frame charged is
        one that a page table maps.
        """),
        new DelegateScenario("aging-vs-fault", "Reclaim asks whether a page was accessed, clearing the mark, while the guest loads it.",
            s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.Vcpus[0].Load(Gfn);
            var aged = new Cell();
            var after = false;
            world.Thread("vcpu", () =>
            {
                after = aged.Value != 0;
                vm.Vcpus[0].Load(Gfn);
            });
            world.Thread("reclaim", () =>
            {
                world.Memory.ClearFlushYoung(hva);
                aged.Value = 1;
            });
            s.AtEnd("an access after the look is noticed",
                () => !after || world.Memory.Age(hva, FramePool.PageSize, clear: false) == 1 ? null
                    : "the page looks old, and the guest has used it since");
        },
        """
        Clearing the accessed marks is no invalidation: SPTEs stay. ClearFlushYoung also has TLBs dropped, so that the guest's next access
        walks the tables and sets the mark again; without that flush a page in constant use would look idle.
        """),
    ];

    /// <summary>A VM with one slot of one page.</summary>
    private static (LabWorld World, LabVm Vm, Hva Hva) OnePage(Schedule schedule, int vcpus = 1)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(1);
        var vm = world.AddVm(vcpus);
        vm.SetSlot(0, Gfn, 1, hva);
        return (world, vm, hva);
    }
}
