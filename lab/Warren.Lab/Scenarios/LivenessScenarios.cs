using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Operations that must end although the world around them never comes to rest: invariant 6.</summary>
internal static class LivenessScenarios
{
    private const ulong Gfn = 0x10;

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("endless-notifications-vs-update",
            "Two threads notify in turn, each ending when the other has started, so that one notification is always in flight, of a page "
                + "that no slot shows; a slot is created.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            var busy = world.Map(1);
            var vm = world.AddVm(gate: LabSettings.Gate ?? GateKind.Join);
            var done = new Cell();
            // No step: it only says whether there is an update at all, since the minimiser leaves threads out.
            var begun = false;
            world.Thread("update", () =>
            {
                begun = true;
                vm.SetSlot(0, Gfn, 1, hva);
                done.Value = 1;
            });
            NotifyInTurn(world, busy, busy, () => begun && done.Value == 0);
        },
        """
        Under active-count the update sleeps until no notification is in flight, which two that overlap put off for ever: the open bug of
        the kernel (a memslot update that hung for more than two minutes behind mn_active_invalidate_count). Under join it waits for nobody.
        Unless another gate is asked for, the VM of this scenario has join.
        """),
        new DelegateScenario("zap-all-under-load", "Everything is zapped while two vCPUs never stop faulting.", s =>
        {
            var (world, vm, _) = TwoPages(s);
            vm.Vcpus[0].Load(Gfn);
            world.Background("vcpu0", () => vm.Vcpus[0].Load(Gfn));
            world.Background("vcpu1", () => vm.Vcpus[1].Load(Gfn + 1));
            world.Thread("zap", () =>
            {
                vm.Vm.SlotsLock.Lock();
                vm.Vm.Mmu.ZapAllFast();
                vm.Vm.SlotsLock.Unlock();
            });
        },
        """
        vCPUs that keep faulting build tables under the new root only, so the zap has as much to do as there was when it began. A loop that
        starts again from the first entry whenever it drops the lock is fed by them for ever.
        """),
        new DelegateScenario("delete-under-load", "A slot is deleted and created while a vCPU never stops using it.", s =>
        {
            var (world, vm, hva) = TwoPages(s);
            world.Background("vcpu", () => vm.Vcpus[0].Store(Gfn, 1));
            world.Thread("update", () =>
            {
                vm.DeleteSlot(0);
                vm.SetSlot(0, Gfn, 2, hva);
            });
        },
        """
        A vCPU that finds the slot invalid starts its fault again, and enters and leaves read sections and guest mode all the time. Neither
        a grace period nor a remote flush may wait for those that came after it began.
        """),
        new DelegateScenario("flush-under-load", "A remote TLB flush while a vCPU enters and leaves guest mode all the time.", s =>
        {
            var (world, vm, _) = TwoPages(s);
            vm.Vcpus[0].Load(Gfn);
            world.Background("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("flush", vm.Vm.FlushRemoteTlbs);
        },
        "The flush waits for one section of guest mode to end, told apart from the next by its number: a vCPU that is back at once does "
            + "not hold it up."),
        new DelegateScenario("harvest-under-load", "The dirty log is harvested while two vCPUs never stop writing.", s =>
        {
            var (world, vm, hva) = TwoPages(s);
            vm.SetSlot(0, Gfn, 2, hva, MemslotFlags.LogDirtyPages);
            world.Background("vcpu0", () => vm.Vcpus[0].Store(Gfn, 1));
            world.Background("vcpu1", () => vm.Vcpus[1].Store(Gfn + 1, 1));
            world.Thread("harvest", () => vm.GetDirtyLog(0));
        },
        "Each word is taken once; what is written behind it is for the next harvest."),
        new DelegateScenario("fault-under-notifications", "A vCPU faults while notifications of another page of its slot never stop.", s =>
        {
            var (world, vm, hva) = TwoPages(s);
            vm.Vcpus[0].Load(Gfn + 1);
            world.Background("notify", () => world.Notify(hva + LabWorld.PageSize));
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
        },
        """
        Each end of a notification moves the sequence, and a fault whose snapshot is older starts again, whatever page was meant:
        notifications that come faster than a fault takes would keep it from ever ending, as they can in KVM. A fault that was sent back
        several times looks its page up under mmu_lock instead, where the sequence stands still.
        """),
        new DelegateScenario("host-write-under-notifications",
            "A device writes guest memory while notifications of another page never stop.", s =>
        {
            var (world, vm, hva) = TwoPages(s);
            world.Background("notify", () => world.Notify(hva + LabWorld.PageSize));
            world.Thread("device", () => vm.WriteGuest(Gfn, 5));
        },
        "As fault-under-notifications, for the hypervisor's own writes."),
        new DelegateScenario("fault-between-notifications",
            "A vCPU faults a page in while two threads notify of its neighbours in turn, each ending when the other has started, so that "
                + "one notification is always in flight.", s =>
            BetweenNotifications(s, "vcpu", vm => vm.Vcpus[0].Load(Gfn + 1)),
        """
        The VM keeps one range for all notifications in progress, which grows from the first page to the third and starts anew only when
        none is left: with two that relieve each other it covers the page between them for ever, though neither means it. A fault that was
        sent back several times asks the list of the address space instead, where each stands for itself.
        """),
        new DelegateScenario("host-write-between-notifications",
            "A device writes a page while two threads notify of its neighbours in turn, so that one notification is always in flight.", s =>
            BetweenNotifications(s, "device", vm => vm.WriteGuest(Gfn + 1, 5)),
        "As fault-between-notifications, for the hypervisor's own writes."),
        new DelegateScenario("grace-period-under-load", "An updater waits for a grace period while two readers come and go all the time.",
            s =>
        {
            var srcu = new Srcu(SrcuClass);
            for (var i = 0; i < 2; i++)
                s.Background($"reader{i}", () => srcu.ReadUnlock(srcu.ReadLock()));
            s.Thread("updater", srcu.Synchronize);
        },
        "Readers count themselves on the bank that is current when they enter; the flip sends newcomers to the other one, so that the one "
            + "waited for drains."),
    ];

    private static readonly LockClass SrcuClass = new("lab_load_srcu", WaitContext.Free);

    /// <summary>
    /// Two threads that notify again and again, each for as long as the other takes to start: one is always in flight while they
    /// <paramref name="must"/>.
    /// </summary>
    private static void NotifyInTurn(LabWorld world, Hva first, Hva second, Func<bool> must)
    {
        Cell[] started = [new(), new()];
        for (var i = 0; i < 2; i++)
        {
            var (mine, other, hva) = (started[i], started[1 - i], i == 0 ? first : second);
            world.Background($"notify{i}", () =>
            {
                var seen = other.Value;
                world.Notify(hva, between: () =>
                {
                    mine.Add(1);
                    for (var spin = default(SpinState); must() && other.Value == seen;)
                        Cpu.Relax(ref spin);
                });
            });
        }
    }

    /// <summary>Someone accesses the second of three pages, of which the first and the third are never out of notifications.</summary>
    private static void BetweenNotifications(Schedule schedule, string name, Action<LabVm> access)
    {
        var (world, vm, hva) = Pages(schedule, 3);
        // Tables stand, and it has been sent back before: what is left is the question asked under mmu_lock.
        vm.Vcpus[0].Load(Gfn);
        vm.Vm.OptimisticRetries = 0;
        var done = new Cell();
        // No step: it only says whether there is an access at all, since the minimiser leaves threads out.
        var begun = false;
        world.Thread(name, () =>
        {
            begun = true;
            access(vm);
            done.Value = 1;
        });
        NotifyInTurn(world, hva, hva + (2 * LabWorld.PageSize), () => begun && done.Value == 0);
    }

    private static (LabWorld World, LabVm Vm, Hva Hva) TwoPages(Schedule schedule) => Pages(schedule, 2);

    private static (LabWorld World, LabVm Vm, Hva Hva) Pages(Schedule schedule, int pages)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(pages);
        for (var i = 0; i < pages; i++)
            world.Memory.Write(hva + ((ulong)i * LabWorld.PageSize), [1]);
        var vm = world.AddVm(2);
        vm.SetSlot(0, Gfn, pages, hva);
        return (world, vm, hva);
    }
}
