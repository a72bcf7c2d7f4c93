using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab.Tests.Oracles;

/// <summary>Each oracle catches what it is there for: a little scenario with exactly that flaw, and the search finds it.</summary>
public sealed class OracleTests
{
    private const ulong Gfn = 0x10;

    [Fact]
    public void An_spte_inside_an_invalidation_is_found()
    {
        // The VM's notifier is gone, as if the start had skipped it.
        Finds("Between start and end", s =>
        {
            var (world, vm, hva) = OnePage(s, isDeaf: true);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("notify", () => world.Notify(hva));
        });
    }

    [Fact]
    public void An_spte_installed_inside_an_invalidation_is_found()
    {
        Finds("", s =>
        {
            var (world, vm, hva) = OnePage(s, isDeaf: true);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("notify", () => world.Discard(hva));
        });
    }

    [Fact]
    public void A_tlb_entry_inside_an_invalidation_is_found()
    {
        Finds("", s =>
        {
            var (world, vm, hva) = OnePage(s, isDeaf: true);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("notify", () =>
            {
                Unmap(vm);
                world.Notify(hva);
            });
        });
    }

    [Fact]
    public void A_frame_used_through_a_stale_tlb_entry_is_found()
    {
        Finds("", s =>
        {
            var (world, vm, hva) = OnePage(s, isDeaf: true);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("discard", () =>
            {
                // Zaps, and does not wait for the vCPU: only a use after the discard shows it.
                Unmap(vm);
                world.Discard(hva);
            });
        });
    }

    [Fact]
    public void A_frame_freed_while_mapped_is_found()
    {
        Finds("Frame 3 is freed, and an SPTE of VM 0 maps gfn 16", s =>
        {
            var (world, vm, hva) = OnePage(s, isDeaf: true);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("discard", () => world.Memory.Dispose());
            _ = hva;
        });
    }

    [Fact]
    public void A_writable_mapping_of_a_shared_frame_is_found()
    {
        Finds("which it shares", s =>
        {
            var world = new LabWorld(s);
            var hva = world.MapFile(1);
            var vm = world.AddVm();
            vm.SetSlot(0, Gfn, 1, hva);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("give-write", () => Replace(vm, leaf => leaf.With(Spte.W)));
        });
    }

    [Fact]
    public void A_writable_mapping_that_mprotect_left_is_found()
    {
        Finds("does not allow it", s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("mprotect", () =>
            {
                world.Protect(hva, VmaProtection.Read);
                vm.Vcpus[0].Load(Gfn);
                Replace(vm, leaf => leaf.With(Spte.W));
            });
        });
    }

    [Fact]
    public void A_count_that_stays_up_is_found()
    {
        Finds("counts 1 invalidations in progress: faults would retry for ever", s =>
        {
            var (world, vm, _) = OnePage(s);
            world.Thread("begin", () =>
            {
                vm.Vm.MmuLock.WriteLock();
                vm.Vm.Invalidation.Begin();
                vm.Vm.Invalidation.RangeAdd(new Gfn(Gfn), new Gfn(Gfn + 1));
                vm.Vm.MmuLock.WriteUnlock();
            });
        });
    }

    [Fact]
    public void A_notification_that_never_ends_is_found()
    {
        Finds("", s =>
        {
            var (world, _, hva) = OnePage(s);
            world.Thread("start",
                () => world.Memory.Notifiers.TryStart(new MmuNotifierRange(hva, hva + 4096, MmuNotifierEvent.Clear), out _));
        });
    }

    [Fact]
    public void A_frame_reference_that_is_lost_is_found()
    {
        Finds("references, and one page table entry", s =>
        {
            var (world, _, hva) = OnePage(s);
            world.Thread("fault", () => world.Memory.Fault(hva, write: true, out _));
        });
    }

    [Fact]
    public void An_spte_that_outlives_its_slot_is_found()
    {
        Finds("No memslot of VM 0 holds gfn 16, and an SPTE maps it", s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("delete", () =>
            {
                vm.DeleteSlot(0);
                vm.SetSlot(1, Gfn + 1, 1, hva);
                vm.Vcpus[0].Load(Gfn + 1);
                Replace(vm, _ => Spte.ForLeaf(new Pfn(2), true, true, true, false));
            });
        });
    }

    [Fact]
    public void A_reader_that_outlives_its_slot_is_found()
    {
        Finds("still inside a read section", s =>
        {
            var (world, vm, _) = OnePage(s);
            var deleting = false;
            vm.Vm.MemslotHook = step =>
            {
                // The new set is published: as if the deletion returned without its grace period.
                if (step == MemslotStep.BeforeGracePeriod && deleting && Still.Slot(vm, new Gfn(Gfn)) is null)
                    Check.Mark(HypervisorMarks.MemslotDeleted, vm.Vm);
                return null;
            };
            world.Thread("reader", () =>
            {
                var idx = vm.Vm.Srcu.ReadLock();
                _ = vm.Vm.GetMemslots(0).Find(new Gfn(Gfn));
                vm.Vm.Srcu.ReadUnlock(idx);
            });
            world.Thread("delete", () =>
            {
                deleting = true;
                vm.DeleteSlot(0);
            });
        });
    }

    [Fact]
    public void A_write_that_the_dirty_log_misses_is_found()
    {
        Finds("is not in the dirty log", s =>
        {
            var (world, vm, hva) = OnePage(s);
            vm.SetSlot(0, Gfn, 1, hva, MemslotFlags.LogDirtyPages);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu", () => vm.Vcpus[0].Store(Gfn, 2));
            // Takes the marks, and only then the right to write, of which the vCPU's TLB is not told.
            world.Thread("harvest", () =>
            {
                world.Dirty.Harvested(vm, 0, Still.Slot(vm, new Gfn(Gfn))!.DirtyBitmap!.TakeWord(0));
                Replace(vm, static spte => spte.Without(Spte.W | Spte.D));
            });
        });
    }

    [Fact]
    public void A_lock_held_on_an_error_path_is_found()
    {
        Finds("slots_arch_lock still held", s =>
        {
            var (world, vm, _) = OnePage(s);
            vm.Vm.MemslotHook = step =>
            {
                if (step != MemslotStep.AllocateSlot)
                    return null;
                vm.Vm.SlotsArchLock.Lock();
                return Errno.ENOMEM;
            };
            world.Thread("update", () => Assert.Throws<MemslotException>(() => vm.SetSlot(1, Gfn + 1, 1, new Hva(0x10_0000))));
        });
    }

    [Fact]
    public void What_no_page_shows_is_found_by_the_audit_at_the_end()
    {
        Finds("TDP table of level 4 for gfn 0x0: expected a record that says so", s =>
        {
            var (world, vm, _) = OnePage(s);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Vcpu.Root.Info.Gfn = new Gfn(0x3000));
        });
        Finds("The tables that vCPU 0 keeps ready: expected pages and records as good as new", s =>
        {
            var (world, vm, _) = OnePage(s);
            world.Thread("vcpu", () =>
            {
                vm.Vcpus[0].Load(Gfn);
                vm.Vcpus[0].Vcpu.TableCache.TryTopUp(vm.Vm.Mmu.Allocator);
                ref var cache = ref vm.Vcpus[0].Vcpu.TableCache;
                var table = cache.Pop();
                cache.TakeBack(table);
                table.Info.Level = 1;
            });
        });
    }

    private static void Finds(string sentence, Action<Schedule> build)
    {
        var result =
            Explorer.Explore(new DelegateScenario("broken", "A flaw.", build),
                new ExplorationOptions { Strategy = SearchStrategy.Exhaustive });
        Assert.NotNull(result.Failure?.Verdict);
        Assert.Contains(sentence, result.Failure.Verdict.Sentence, StringComparison.Ordinal);
    }

    /// <param name="s">What is being built.</param>
    /// <param name="isDeaf">No notification reaches the VM.</param>
    private static (LabWorld World, LabVm Vm, Hva Hva) OnePage(Schedule s, bool isDeaf = false)
    {
        var world = new LabWorld(s);
        var hva = world.Map(1);
        world.Memory.Write(hva, [1]);
        var vm = world.AddVm();
        vm.SetSlot(0, Gfn, 1, hva);
        if (isDeaf)
            world.Memory.Notifiers.Unregister(vm.Vm.Notifier);
        return (world, vm, hva);
    }

    private static void Unmap(LabVm vm)
    {
        vm.Vm.MmuLock.WriteLock();
        vm.Vm.Mmu.UnmapGfnRange(0, new Gfn(Gfn), new Gfn(Gfn + 1), mayBlock: false);
        vm.Vm.MmuLock.WriteUnlock();
    }

    private static unsafe void Replace(LabVm vm, Func<Spte, Spte> change)
    {
        var root = ((TdpMmu)vm.Vm.Mmu).PeekRootAfter(default);
        TdpMmu.FindLeaf(root, new Gfn(Gfn), out var seen, out _);
        var table = root.Entries;
        for (var level = TdpMmu.RootLevel; level > 1; level--)
            table = new Spte(table[SpteTable.IndexOf(Gfn, level)]).Table;
        SpteAccess.Exchange(table + SpteTable.IndexOf(Gfn, 1), change(seen));
    }
}
