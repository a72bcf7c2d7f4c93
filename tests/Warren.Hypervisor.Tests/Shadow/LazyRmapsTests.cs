using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// The data of shadow paging per slot: there for every slot from the first root on, for none before, and for none of a TDP VM.
/// </summary>
public abstract class LazyRmapsTests(GateKind gate) : IDisposable
{
    private static readonly Hva Hva = new(0x10_0000_0000);
    private readonly SlotsVm _t = new(new VmOptions { Mmu = MmuKind.Shadow, AddressSpaces = 2, Gate = gate });

    private VirtualMachine Vm => _t.Vm;
    private ShadowMmu Mmu => (ShadowMmu)Vm.Mmu;

    public void Dispose()
    {
        List<SlotRmaps> all = [.. Slots().Where(slot => slot.Rmaps is not null).Select(slot => slot.Rmaps!)];
        _t.Dispose();
        Assert.All(all, rmaps => Assert.True(rmaps.IsFreed));
        GC.SuppressFinalize(this);
    }

    private List<Memslot> Slots() => Slots(Vm);

    private static List<Memslot> Slots(VirtualMachine vm)
    {
        List<Memslot> slots = [];
        for (var i = 0; i < vm.Options.AddressSpaces; i++)
        {
            foreach (var slot in vm.GetMemslots(i)) slots.Add(slot);
        }
        return slots;
    }

    /// <summary>Every slot has its own, of its size, or none has any.</summary>
    private void AssertArch(bool present)
    {
        HashSet<SlotRmaps> seen = [];
        foreach (var slot in Slots())
        {
            Assert.Equal(present, slot.Rmaps is not null);
            if (slot.Rmaps is not { } rmaps) continue;
            Assert.True(seen.Add(rmaps), "two slots share their reverse maps");
            Assert.False(rmaps.IsFreed);
            Assert.Equal(slot.NPages, rmaps.Pages);
            Assert.True(rmaps.IsIdle());
        }
        Assert.Equal(present, Mmu.Rmaps.Present);
        SlotsVm.AssertLocksFree(Vm);
    }

    private void Populate()
    {
        _t.Set(1, 0x100, 16, Hva);
        _t.Set(2, 0x200, 1024, Hva, MemslotFlags.LogDirtyPages);
        _t.Set(1, 0x100, 16, Hva, space: 1);
    }

    [Fact]
    public void There_are_none_before_the_first_root_and_all_after_it()
    {
        Populate();
        AssertArch(present: false);
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        AssertArch(present: true);
        List<SlotRmaps?> before = [.. Slots().Select(slot => slot.Rmaps)];
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        Assert.Equal(before, Slots().Select(slot => slot.Rmaps));
    }

    [Fact]
    public void Later_slots_bring_their_own()
    {
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        Populate();
        AssertArch(present: true);
    }

    [Fact]
    public void A_change_of_flags_hands_them_on_a_move_makes_new_ones_a_deletion_frees_them()
    {
        Populate();
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        var first = Vm.GetMemslots(0).Find(new Gfn(0x100))!.Rmaps!;
        _t.Set(1, 0x100, 16, Hva, MemslotFlags.LogDirtyPages);
        Assert.Same(first, Vm.GetMemslots(0).Find(new Gfn(0x100))!.Rmaps);
        AssertArch(present: true);
        _t.Set(1, 0x700, 16, Hva, MemslotFlags.LogDirtyPages);
        var second = Vm.GetMemslots(0).Find(new Gfn(0x700))!.Rmaps!;
        Assert.NotSame(first, second);
        Assert.True(first.IsFreed);
        AssertArch(present: true);
        Vm.SetUserMemoryRegion(SlotsVm.Region(1, 0, 0, default));
        Assert.True(second.IsFreed);
        AssertArch(present: true);
    }

    [Fact]
    public void They_are_freed_behind_the_zap_and_the_readers()
    {
        Populate();
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        var rmaps = Vm.GetMemslots(0).Find(new Gfn(0x100))!.Rmaps!;
        Vm.MemslotHook = _ =>
        {
            Assert.False(rmaps.IsFreed);
            return null;
        };
        Vm.SetUserMemoryRegion(SlotsVm.Region(1, 0, 0, default));
        Assert.True(rmaps.IsFreed);
        var srcu = Vm.Srcu.ReadLock();
        rmaps = Vm.GetMemslots(0).Find(new Gfn(0x200))!.Rmaps!;
        Vm.MemslotHook = null;
        Worker delete = new(() => Vm.SetUserMemoryRegion(SlotsVm.Region(2, 0, 0, default)));
        while (!Vm.GetMemslots(0).Find(new Gfn(0x200))!.IsInvalid) Thread.Yield();
        Assert.False(delete.EndsWithin(50));
        Assert.False(rmaps.IsFreed);
        Vm.Srcu.ReadUnlock(srcu);
        delete.Join();
        Assert.True(rmaps.IsFreed);
    }

    /// <summary>
    /// The old set's slot is invalid, and its update about to take slots_arch_lock, while the first root comes: KVM's copy went stale
    /// there.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_root_made_while_a_slot_is_on_its_way_out_serves_what_becomes_of_it(bool fails)
    {
        Populate();
        Vm.MemslotHook = step =>
        {
            if (step == MemslotStep.Zapped) Assert.Null(Mmu.Rmaps.FirstShadowRoot());
            return fails && step == MemslotStep.Publish ? Errno.ENOMEM : null;
        };
        Assert.Equal(fails ? Errno.ENOMEM : null, _t.TrySet(SlotsVm.Region(1, 0x700, 16, Hva)));
        Vm.MemslotHook = null;
        Assert.Equal(fails, Vm.GetMemslots(0).Find(new Gfn(0x700)) is null);
        AssertArch(present: true);
    }

    [Fact]
    public void Every_allocation_of_the_first_root_can_fail_and_the_next_try_succeeds()
    {
        Populate();
        var before = _t.Snapshot();
        // One for each of the three slots, and the hash.
        for (var failing = 0; failing < 4; failing++)
        {
            foreach (var thrower in new Func<Errno?>[] { () => Errno.ENOMEM, () => throw new InsufficientMemoryException() })
            {
                var steps = 0;
                Vm.MemslotHook = _ => steps++ == failing ? thrower() : null;
                Assert.Equal(Errno.ENOMEM, Mmu.Rmaps.FirstShadowRoot()?.Errno);
                Assert.Equal(failing + 1, steps);
                AssertArch(present: false);
                Assert.Equal(before, _t.Snapshot());
                // Updates go on as if nothing had been tried.
                Vm.MemslotHook = null;
                _t.Set(7, 0x900, 4, Hva);
                Vm.SetUserMemoryRegion(SlotsVm.Region(7, 0, 0, default));
            }
        }
        List<MemslotStep> seen = [];
        Vm.MemslotHook = step =>
        {
            seen.Add(step);
            Assert.True(Vm.SlotsArchLock.IsLocked);
            return null;
        };
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        Assert.Equal([MemslotStep.AllocateRmaps, MemslotStep.AllocateRmaps, MemslotStep.AllocateRmaps, MemslotStep.AllocateHash], seen);
        AssertArch(present: true);
    }

    [Theory]
    [InlineData("create", nameof(MemslotStep.AllocateRmaps))]
    [InlineData("create", nameof(MemslotStep.Publish))]
    [InlineData("move", nameof(MemslotStep.AllocateRmaps))]
    [InlineData("move", nameof(MemslotStep.Publish))]
    [InlineData("flags", nameof(MemslotStep.Publish))]
    [InlineData("delete", nameof(MemslotStep.Publish))]
    public void An_update_that_fails_leaves_every_slot_its_own(string change, string failing)
    {
        var failAt = Enum.Parse<MemslotStep>(failing);
        Populate();
        Assert.Null(Mmu.Rmaps.FirstShadowRoot());
        var region = change switch
        {
            "create" => SlotsVm.Region(3, 0x900, 16, Hva),
            "flags" => SlotsVm.Region(2, 0x200, 1024, Hva),
            "delete" => SlotsVm.Region(2, 0, 0, default),
            _ => SlotsVm.Region(2, 0xa00, 1024, Hva, MemslotFlags.LogDirtyPages),
        };
        foreach (var thrower in new Func<Errno?>[] { () => Errno.ENOMEM, () => throw new InsufficientMemoryException() })
        {
            var before = _t.Snapshot();
            List<SlotRmaps?> arch = [.. Slots().Select(slot => slot.Rmaps)];
            Vm.MemslotHook = step => step == failAt ? thrower() : null;
            Assert.Equal(Errno.ENOMEM, _t.TrySet(region));
            Vm.MemslotHook = null;
            Assert.Equal(before, _t.Snapshot());
            Assert.Equal(arch, Slots().Select(slot => slot.Rmaps));
            AssertArch(present: true);
        }
        Assert.Null(_t.TrySet(region));
        AssertArch(present: true);
    }

    [Fact]
    public void A_TDP_VM_never_has_any()
    {
        using SlotsVm t = new(new VmOptions { AddressSpaces = 2, Gate = gate });
        List<MemslotStep> steps = [];
        t.Vm.MemslotHook = step =>
        {
            steps.Add(step);
            return null;
        };
        t.Set(1, 0x100, 16, t.Memory.Map(16 * SlotsVm.Page, VmaProtection.Read | VmaProtection.Write));
        ScriptedVcpu cpu = new(t.Vm);
        cpu.Store(0x100 * SlotsVm.Page, 7UL);
        Assert.Equal(7UL, cpu.Load<ulong>(0x100 * SlotsVm.Page));
        t.Set(1, 0x200, 16, Slots(t.Vm)[0].UserspaceAddress);
        t.Set(1, 0x200, 16, Slots(t.Vm)[0].UserspaceAddress, MemslotFlags.LogDirtyPages);
        Assert.All(Slots(t.Vm), slot => Assert.Null(slot.Rmaps));
        Assert.DoesNotContain(MemslotStep.AllocateRmaps, steps);
        Assert.DoesNotContain(MemslotStep.AllocateHash, steps);
    }

    /// <summary>
    /// Real threads: whoever is first, when all is quiet each slot has its own, and no notification meets a slot without.
    /// </summary>
    [Fact]
    public void Slots_that_come_and_go_while_the_first_root_is_made_are_not_missed()
    {
        for (var round = 0; round < 60; round++)
        {
            using SlotsVm t = new(new VmOptions { Mmu = MmuKind.Shadow, Gate = gate });
            var hva = t.Memory.Map(64 * SlotsVm.Page, VmaProtection.Read | VmaProtection.Write);
            var mmu = (ShadowMmu)t.Vm.Mmu;
            var stop = false;
            for (var i = 0; i < 4; i++) t.Set(i, 0x100 * (ulong)i, 16, hva);
            Worker updater = new(() =>
            {
                for (var i = 0; i < 12; i++)
                {
                    t.Set(i % 4, 0x100 * (ulong)(i % 4) + 0x20, 16, hva);
                    t.Set(i % 4, 0x100 * (ulong)(i % 4) + 0x20, 16, hva, MemslotFlags.LogDirtyPages);
                    t.Vm.SetUserMemoryRegion(SlotsVm.Region(i % 4, 0, 0, default));
                    t.Set(i % 4, 0x100 * (ulong)(i % 4), 16, hva);
                }
                Volatile.Write(ref stop, true);
            });
            Worker first = new(() =>
            {
                Thread.SpinWait(round * 400);
                Assert.Null(mmu.Rmaps.FirstShadowRoot());
            });
            Worker host = new(() =>
            {
                while (!Volatile.Read(ref stop)) t.Memory.Discard(hva, 16 * SlotsVm.Page);
            });
            updater.Join();
            first.Join();
            host.Join();
            Assert.All(Slots(t.Vm), slot => Assert.Equal(slot.NPages, slot.Rmaps!.Pages));
            SlotsVm.AssertLocksFree(t.Vm);
        }
    }
}

public sealed class LazyRmapsTestsWithJoin() : LazyRmapsTests(GateKind.Join);

public sealed class LazyRmapsTestsWithActiveCount() : LazyRmapsTests(GateKind.ActiveCount);
