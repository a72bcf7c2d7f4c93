namespace Warren.Lab;

/// <summary>A page fault against whatever takes the page away.</summary>
internal static class FaultScenarios
{
    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("fault-vs-discard", "A guest load faults its page in while madvise(DONTNEED) drops it.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(0x10));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        The fault reads the invalidation sequence, asks the host for the frame, and installs the SPTE under mmu_lock. The discard notifies, clears the host's
        entry and frees the frame. Whenever the notification falls between the fault's snapshot and its SPTE, the fault must notice and start again; else the
        SPTE leads to a freed frame.
        """),
        new DelegateScenario("fault-vs-munmap", "A guest store faults while the host unmaps the page and its VMA.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            world.Memory.Write(hva, [1]);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(0x10, 5));
            world.Thread("munmap", () => world.Unmap(hva));
        },
        "As fault-vs-discard, and with the mmap lock held for write: the fault either comes before and is zapped, or finds no VMA and raises an access fault."),
        new DelegateScenario("access-vs-discard", "A guest keeps using a page out of its TLB while madvise(DONTNEED) drops it.", s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.Vcpus[0].Store(0x10, 7);
            world.Thread("vcpu", () => vm.Vcpus[0].Run(new GuestInstruction[] { new(GuestOperation.Load, 0x10), new(GuestOperation.Store, 0x10, 8) }));
            world.Thread("discard", () => world.Discard(hva));
        },
        """
        The TLB entry was filled before. The start of the invalidation zaps the SPTE, requests a flush and waits until the vCPU has left guest mode (or was never there); only
        then may the frame go. Requests and modes form a Dekker pair: each side writes its word, then reads the other's.
        """),
    ];

    /// <summary>A VM with one vCPU and one slot of one page at gfn 0x10.</summary>
    private static (LabWorld World, LabVm Vm, ulong Hva) OnePage(Schedule schedule)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(1);
        var vm = world.AddVm();
        vm.SetSlot(0, 0x10, 1, hva);
        return (world, vm, hva);
    }
}
