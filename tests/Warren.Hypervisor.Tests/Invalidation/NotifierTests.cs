using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

/// <summary>The effects of an invalidation of host memory on a VM, and where it has none.</summary>
public abstract class NotifierTests : IDisposable
{
    private const ulong Page = SlotsVm.Page;
    private readonly SlotsVm _t;
    private readonly Hva _hva;

    private readonly GateKind _gate;

    protected NotifierTests(GateKind gate, MmuKind? mmu = null)
    {
        _gate = gate;
        _t = new SlotsVm(new VmOptions { Gate = gate, Mmu = mmu ?? MmuKind.Tdp });
        // Else a shadow MMU has nothing to look through.
        (_t.Vm.Mmu as ShadowMmu)?.Rmaps.FirstShadowRoot();
        _hva = _t.Memory.Map(64 * Page, VmaProtection.Read | VmaProtection.Write);
    }

    public void Dispose()
    {
        _t.Dispose();
        GC.SuppressFinalize(this);
    }

    private VirtualMachine Vm => _t.Vm;

    [Fact]
    public void An_unrelated_invalidation_takes_no_mmu_lock_and_leaves_count_and_sequence()
    {
        _t.Set(1, 0x100, 16, _hva);
        var sequence = Vm.Invalidation.Sequence;
        Vm.MmuLock.WriteLock();
        var worker = new Worker(() =>
        {
            for (ulong i = 16; i < 64; i++) _t.Memory.Discard(_hva + i * Page, Page);
        });
        worker.Join();
        Vm.MmuLock.WriteUnlock();
        Assert.Equal(sequence, Vm.Invalidation.Sequence);
        Assert.Equal(0, Vm.Statistics.InvalidationsRelated);
        Assert.Equal(48, Vm.Statistics.InvalidationsElided);
    }

    [Fact]
    public void A_related_one_waits_for_mmu_lock_then_steps_the_sequence_once()
    {
        _t.Set(1, 0x100, 16, _hva);
        var sequence = Vm.Invalidation.Sequence;
        Vm.MmuLock.ReadLock();
        var worker = new Worker(() => _t.Memory.Discard(_hva, 64 * Page));
        Assert.False(worker.EndsWithin(50));
        Vm.MmuLock.ReadUnlock();
        worker.Join();
        Assert.Equal(sequence + 1, Vm.Invalidation.Sequence);
        Assert.Equal(0, Vm.Invalidation.InProgress);
        Assert.Equal((new Gfn(0x100), new Gfn(0x110)), Vm.Invalidation.Range);
    }

    [Fact]
    public void One_hva_in_two_slots_is_one_invalidation_of_both()
    {
        _t.Set(1, 0x100, 16, _hva);
        _t.Set(2, 0x400, 16, _hva);
        var sequence = Vm.Invalidation.Sequence;
        _t.Memory.Discard(_hva + 3 * Page, 2 * Page);
        Assert.Equal((new Gfn(0x103), new Gfn(0x405)), Vm.Invalidation.Range);
        Assert.Equal(sequence + 1, Vm.Invalidation.Sequence);
        Assert.Equal(1, Vm.Statistics.InvalidationsRelated);
    }

    [Theory]
    [InlineData(0, 1, 0x100, 0x101)]
    [InlineData(0xfff, 0x1001, 0x100, 0x102)]
    [InlineData(0x1000, 0x1001, 0x101, 0x102)]
    [InlineData(0xf000, 0x40000, 0x10f, 0x110)]
    [InlineData(-0x5000, 0x1, 0x100, 0x101)]
    public void Ranges_are_clipped_to_the_slot_and_rounded_to_whole_pages(long start, long end, ulong gfnStart, ulong gfnEnd)
    {
        _t.Set(1, 0x100, 16, _hva);
        var slot = Vm.GetMemslots(0).Find(new Gfn(0x100))!;
        Assert.Equal((new Gfn(gfnStart), new Gfn(gfnEnd)), slot.HvaRangeToGfns(_hva + (ulong)start, _hva + (ulong)end));
    }

    [Fact]
    public void Zaps_of_the_vm_itself_count_as_invalidations()
    {
        var sequence = Vm.Invalidation.Sequence;
        Vm.ZapGfnRange(0, new Gfn(5), new Gfn(9));
        Assert.Equal((new Gfn(5), new Gfn(9)), Vm.Invalidation.Range);
        Assert.Equal(sequence + 1, Vm.Invalidation.Sequence);
        Assert.Equal(0, Vm.Invalidation.InProgress);
        SlotsVm.AssertLocksFree(Vm);
    }

    [Fact]
    public void Aging_changes_neither_count_nor_sequence()
    {
        _t.Set(1, 0x100, 16, _hva);
        var sequence = Vm.Invalidation.Sequence;
        _t.Memory.Age(_hva, 16 * Page, clear: true);
        _t.Memory.Age(_hva, 16 * Page, clear: false);
        Assert.Equal(sequence, Vm.Invalidation.Sequence);
        Assert.Equal(0, Vm.Statistics.InvalidationsRelated);
    }

    /// <summary>Two VMs over one address space: each hears of its own slots only.</summary>
    [Fact]
    public void A_vm_pays_only_for_its_own_slots()
    {
        using var other = new VirtualMachine(_t.Memory, new VmOptions { Gate = _gate });
        _t.Set(1, 0x100, 16, _hva);
        other.SetUserMemoryRegion(SlotsVm.Region(1, 0x100, 16, _hva + 16 * Page));
        for (ulong i = 0; i < 32; i++) _t.Memory.Discard(_hva + i * Page, Page);
        Assert.Equal(16, Vm.Statistics.InvalidationsRelated);
        Assert.Equal(16, other.Statistics.InvalidationsRelated);
        Assert.Equal(16, other.Statistics.InvalidationsElided);
    }

    /// <summary>KVM's unregister between a start and its end: the end never comes, and destruction must not wait for it.</summary>
    [Fact]
    public void A_vm_is_destroyed_between_a_start_and_its_end()
    {
        var vm = new VirtualMachine(_t.Memory, new VmOptions { Gate = _gate });
        vm.SetUserMemoryRegion(SlotsVm.Region(1, 0x100, 16, _hva));
        using (new HeldInvalidation(_t.Memory, _hva, Page))
        {
            Assert.Equal(1, vm.Invalidation.InProgress);
            new Worker(vm.Dispose).Join();
        }
        Assert.Equal(1, vm.Invalidation.InProgress);
        Assert.Equal(0, Vm.Invalidation.InProgress);
        // The address space is none the worse: a new VM gets its slots.
        using var next = new VirtualMachine(_t.Memory, new VmOptions { Gate = _gate });
        next.SetUserMemoryRegion(SlotsVm.Region(1, 0x100, 16, _hva));
        _t.Memory.Discard(_hva, Page);
        Assert.Equal(1, next.Statistics.InvalidationsRelated);
    }

    /// <summary>
    /// Slots come and go while ranges are invalidated, related and not. Every start must be matched by an end (the count returns to 0 and
    /// never went below, which End refuses), and a slot is not found, by gfn or by hva, once its deletion has returned.
    /// </summary>
    [Fact]
    public void Slot_churn_against_invalidations_and_lookups()
    {
        const int rounds = 4000;
        var stop = false;
        var deleted = new bool[8];
        var wrong = 0;
        var updater = new Worker(() =>
        {
            var random = new Random(1);
            for (var i = 0; i < rounds; i++)
            {
                var id = random.Next(8);
                var gfn = 0x100 * (ulong)id;
                _t.Set(id, gfn, 8, _hva + 4 * Page * (ulong)id);
                Volatile.Write(ref deleted[id], false);
                if (random.Next(2) == 0) _t.Set(id, gfn + 0x80, 8, _hva + 4 * Page * (ulong)id);
                if (random.Next(2) == 0)
                    _t.Set(id, gfn + 0x80 * (ulong)random.Next(2), 8, _hva + 4 * Page * (ulong)id, MemslotFlags.LogDirtyPages);
                Vm.SetUserMemoryRegion(SlotsVm.Region(id, 0, 0, default));
                Volatile.Write(ref deleted[id], true);
                for (var offset = 0UL; offset < 0x100; offset++)
                {
                    if (Vm.GetMemslots(0).Find(new Gfn(gfn + offset)) is not null) Interlocked.Increment(ref wrong);
                }
            }
            Volatile.Write(ref stop, true);
        });
        var invalidator = new Worker(() =>
        {
            var random = new Random(2);
            while (!Volatile.Read(ref stop)) _t.Memory.Discard(_hva + Page * (ulong)random.Next(40), Page * (1 + (ulong)random.Next(20)));
        });
        var reader = new Worker(() =>
        {
            for (ulong i = 0; !Volatile.Read(ref stop); i++)
            {
                var gfn = i * 7 % 0x800;
                var srcu = Vm.Srcu.ReadLock();
                var slots = Vm.GetMemslots(0);
                var slot = slots.Find(new Gfn(gfn));
                if (slot is not null && slot.Id != (int)(gfn / 0x100)) Interlocked.Increment(ref wrong);
                // A slot must not go while it is read: its bitmap is native memory.
                slot?.DirtyBitmap?.Set(gfn - slot.BaseGfn.Value);
                Vm.Srcu.ReadUnlock(srcu);
            }
        });
        updater.Join();
        invalidator.Join();
        reader.Join();
        Assert.Equal(0, wrong);
        Assert.Equal(0, Vm.Invalidation.InProgress);
        var bumps = _gate == GateKind.Join ? Vm.Statistics.MemslotUpdates : 0;
        Assert.Equal(Vm.Statistics.InvalidationsRelated + bumps, (long)Vm.Invalidation.Sequence);
        Assert.Equal(0, Vm.GetMemslots(0).Count);
        var before = Vm.Statistics.InvalidationsRelated;
        _t.Memory.Discard(_hva, 64 * Page);
        Assert.Equal(before, Vm.Statistics.InvalidationsRelated);
        SlotsVm.AssertLocksFree(Vm);
    }
}

public sealed class NotifierTestsWithJoin() : NotifierTests(GateKind.Join);

public sealed class NotifierTestsWithActiveCount() : NotifierTests(GateKind.ActiveCount);

public sealed class NotifierTestsWithShadow() : NotifierTests(GateKind.Join, MmuKind.Shadow);
