using Warren.Hypervisor.Slots;
using static Warren.Hypervisor.Tests.Shadow.ShadowFixture;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// A page under many addresses of the guest: whoever comes by its gfn reaches every SPTE. The auditor looks after each test.
/// </summary>
public sealed unsafe class RmapTests
{
    private const ulong Va = 0x40_0000;
    private const ulong Gfn = 0x123;

    /// <summary>So many addresses, one page apart, for one gfn; the vCPU uses them.</summary>
    private static void Alias(ShadowFixture f, int count, ulong bits = RwxAd)
    {
        var root = f.NewTable();
        for (var i = 0; i < count; i++) f.MapAt(root, 3, Va + (ulong)i * Page, Gfn, bits);
        f.Cpu.SetRoot(3, root);
    }

    private static RmapHead* Head(ShadowFixture f, ulong gfn, int level = 1) =>
        f.Vm.GetMemslots(0).Find(new Gfn(gfn))!.Rmaps!.Head(new Gfn(gfn), level);

    [Fact]
    public void A_notification_reaches_the_page_under_every_address()
    {
        using ShadowFixture f = new();
        Alias(f, 40);
        for (ulong i = 0; i < 40; i++) f.Cpu.Store(Va + i * Page, i + 1);
        Assert.Equal(40, Head(f, Gfn)->Count);
        var unmapped = f.Mmu.Counters.SptesUnmapped;
        f.Memory.Discard(f.Hva + Gfn * Page, Page);
        Assert.True(Head(f, Gfn)->IsEmpty);
        Assert.Equal(40, f.Mmu.Counters.SptesUnmapped - unmapped);
        for (ulong i = 0; i < 40; i++) Assert.Equal(0UL, f.Cpu.Load(Va + i * Page));
        Assert.Equal(40, Head(f, Gfn)->Count);
        f.Verify();
    }

    [Fact]
    public void A_gfn_that_too_many_map_is_recycled_and_stays_reachable()
    {
        using ShadowFixture f = new();
        const int count = RmapHead.RecycleThreshold + 200;
        Alias(f, count);
        f.Cpu.Store(Va, 7);
        for (ulong i = 0; i < count; i++) Assert.Equal(7UL, f.Cpu.Load(Va + i * Page));
        Assert.Equal(1, f.Mmu.Counters.RmapsRecycled);
        Assert.Equal(200, Head(f, Gfn)->Count);
        f.Verify();
        // What was recycled faults in again, and no TLB kept it.
        f.Memory.Discard(f.Hva + Gfn * Page, Page);
        for (ulong i = 0; i < count; i++) Assert.Equal(0UL, f.Cpu.Load(Va + i * Page));
        f.Verify();
    }

    [Fact]
    public void A_page_is_young_if_it_was_used_by_any_of_its_addresses()
    {
        using ShadowFixture f = new();
        Alias(f, 20);
        for (ulong i = 0; i < 20; i++) f.Cpu.Load(Va + i * Page);
        Assert.True(f.Mmu.AgeGfnRange(0, new Gfn(Gfn), new Gfn(Gfn + 1), clear: true));
        Assert.False(f.Mmu.AgeGfnRange(0, new Gfn(Gfn), new Gfn(Gfn + 1), clear: false));
        for (ulong i = 0; i < 20; i++)
        {
            f.Vm.FlushRemoteTlbs();
            f.Cpu.Load(Va + i * Page);
            Assert.False(f.Mmu.AgeGfnRange(0, new Gfn(Gfn + 1), new Gfn(Gfn + 2), clear: true));
            Assert.True(f.Mmu.AgeGfnRange(0, new Gfn(0), new Gfn(Pages), clear: true));
            Assert.False(f.Mmu.AgeGfnRange(0, new Gfn(Gfn), new Gfn(Gfn + 1), clear: true));
        }
        // The guest's own A bits are its own affair.
        Assert.Equal(0, f.Vm.Statistics.InvalidationsInProgress);
    }

    [Fact]
    public void A_harvest_takes_writes_of_every_address_away()
    {
        using ShadowFixture f = new();
        Alias(f, 20);
        for (ulong i = 0; i < 20; i++) f.Cpu.Store(Va + i * Page, i);
        f.SetSlot(0, 0, Pages * Page, f.Hva, MemslotFlags.LogDirtyPages);
        var log = new ulong[Pages / 64];
        f.Vm.GetDirtyLog(0, log);
        for (ulong i = 0; i < 20; i++)
        {
            f.Cpu.Store(Va + i * Page, i + 100);
            f.Cpu.Load(Va + (i + 1) % 20 * Page);
            f.Vm.GetDirtyLog(0, log);
            Assert.Equal(1UL << (int)(Gfn % 64), log[Gfn / 64]);
            Assert.Equal(1, log.Sum(word => System.Numerics.BitOperations.PopCount(word)));
            f.Vm.GetDirtyLog(0, log);
            Assert.All(log, word => Assert.Equal(0UL, word));
        }
        f.Verify();
    }

    /// <summary>
    /// A leaf of the guest of 2 MiB over a huge frame of the host: one SPTE, which logging splits with the guest's rights, and whose end
    /// brings it back.
    /// </summary>
    [Theory]
    [InlineData(RwxAd)]
    [InlineData(TestFormat.R | TestFormat.A)]
    [InlineData(TestFormat.R | TestFormat.W | TestFormat.U | TestFormat.A)]
    public void Logging_splits_large_leaves_of_the_guest_and_its_end_brings_them_back(ulong bits)
    {
        using ShadowFixture f = new(hugePages: true);
        var root = f.NewTable();
        for (ulong i = 0; i < 512; i++) f.Poke((512 + i) * Page, i);
        f.MapAt(root, 3, Va, 512, bits, leafLevel: 2);
        f.Cpu.SetRoot(3, root);
        Assert.Equal(0UL, f.Cpu.Load(Va));
        Assert.True(Spte(f.Cpu, Va).IsHuge);
        f.SetSlot(0, 0, Pages * Page, f.Hva, MemslotFlags.LogDirtyPages);
        Assert.Equal(1, f.Mmu.Counters.HugeSplits);
        Assert.True(Head(f, 512, level: 2)->IsEmpty);
        f.Verify();
        var walks = f.Cpu.Walks;
        for (ulong i = 0; i < 512; i++) Assert.Equal(i, f.Cpu.Load(Va + i * Page));
        // All of it was there at once.
        Assert.Equal(walks, f.Cpu.Walks);
        var writable = (bits & TestFormat.W) != 0;
        var log = new ulong[Pages / 64];
        f.Vm.GetDirtyLog(0, log);
        Assert.Equal(writable ? Outcome.Done : Outcome.PageFault, f.Cpu.Store(Va + 5 * Page, 55));
        f.Vm.GetDirtyLog(0, log);
        Assert.Equal(writable ? 1UL << 5 : 0, log[512 / 64]);
        f.SetSlot(0, 0, Pages * Page, f.Hva);
        Assert.Equal(writable ? 55UL : 5, f.Cpu.Load(Va + 5 * Page));
        Assert.True(Spte(f.Cpu, Va).IsHuge);
        Assert.Equal(1, Head(f, 512, level: 2)->Count);
        f.Verify();
    }

    [Fact]
    public void Splitting_a_block_mapped_twice_leaves_out_what_it_has_no_descriptors_for()
    {
        using ShadowFixture f = new(hugePages: true);
        var root = f.NewTable();
        for (ulong i = 0; i < 512; i++) f.Poke((512 + i) * Page, i);
        f.MapAt(root, 3, Va, 512, RwxAd, leafLevel: 2);
        f.MapAt(root, 3, Va + (2 << 20), 512, TestFormat.R | TestFormat.A, leafLevel: 2);
        f.Cpu.SetRoot(3, root);
        f.Cpu.Load(Va);
        f.Cpu.Load(Va + (2 << 20));
        Assert.Equal(2, Head(f, 512, level: 2)->Count);
        f.SetSlot(0, 0, Pages * Page, f.Hva, MemslotFlags.LogDirtyPages);
        Assert.Equal(2, f.Mmu.Counters.HugeSplits);
        f.Verify();
        for (ulong i = 0; i < 512; i++)
        {
            Assert.InRange(Head(f, 512 + i)->Count, 1, 2);
            Assert.Equal(i, f.Cpu.Load(Va + i * Page));
            Assert.Equal(i, f.Cpu.Load(Va + (2 << 20) + i * Page));
            Assert.Equal(2, Head(f, 512 + i)->Count);
        }
        f.Verify();
    }

    /// <summary>
    /// Whoever waits for mmu_lock gets it in the middle of a long walk that may block, and finds that what is gone from the tables is gone
    /// from the TLBs.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_long_walk_lets_others_in_behind_a_flush_if_it_may_block(bool mayBlock)
    {
        using ShadowFixture f = new();
        for (ulong gfn = 0; gfn < 1000; gfn++) f.Cpu.Load(gfn * Page);
        long flushes = f.Vm.RemoteFlushes, flushesSeen = -1;
        var mappedSeen = -1;
        var vm = f.Vm;
        var srcu = vm.Srcu.ReadLock();
        vm.MmuLock.WriteLock();
        vm.Invalidation.Begin();
        vm.Invalidation.RangeAdd(new Gfn(0), new Gfn(1000));
        Worker waiter = new(() =>
        {
            vm.MmuLock.ReadLock();
            flushesSeen = vm.RemoteFlushes;
            mappedSeen = Enumerable.Range(0, 1000).Sum(gfn => Head(f, (ulong)gfn)->Count);
            vm.MmuLock.ReadUnlock();
        });
        while (!vm.MmuLock.IsContended) System.Threading.Thread.Yield();
        var flush = vm.Mmu.UnmapGfnRange(0, new Gfn(0), new Gfn(1000), mayBlock);
        if (flush) vm.FlushRemoteTlbs();
        vm.Invalidation.End();
        vm.MmuLock.WriteUnlock();
        vm.Srcu.ReadUnlock(srcu);
        waiter.Join();
        // Whether the waiter is quick enough for the first chance is its luck; that it has one, and what it finds then, is not.
        Assert.InRange(f.Mmu.Counters.Yields, mayBlock ? 1 : 0, mayBlock ? 15 : 0);
        Assert.Equal(f.Mmu.Counters.Yields + 1, vm.RemoteFlushes - flushes);
        Assert.True(mappedSeen % 64 == 1000 % 64 || mappedSeen == 0);
        Assert.InRange(flushesSeen - flushes, 1, vm.RemoteFlushes - flushes);
        Assert.True(flush);
        Assert.Equal(1000, f.Mmu.Counters.SptesUnmapped);
    }

    /// <summary>
    /// A device found the slot, then its flags changed, and only then came the first root: the object the device holds never gets counts.
    /// </summary>
    [Fact]
    public void A_slot_object_from_before_the_first_root_does_not_hide_its_tables()
    {
        using ShadowFixture f = new();
        var old = f.Vm.GetMemslots(0).Find(new Gfn(0))!;
        f.SetSlot(0, 0, Pages * Page, f.Hva, MemslotFlags.LogDirtyPages);
        f.Vm.MmuLock.WriteLock();
        Assert.False(f.Mmu.IsShadowed(old, new Gfn(0x800)));
        f.Vm.MmuLock.WriteUnlock();
        Alias(f, 1);
        f.Cpu.Load(Va);
        var root = f.Cpu.Vcpu.GuestRoot.Gfn;
        Assert.Null(old.Rmaps);
        Assert.Equal(1, f.ShadowPagesOf(root.Value));
        f.Vm.MmuLock.WriteLock();
        Assert.True(f.Mmu.IsShadowed(old, root));
        Assert.False(f.Mmu.IsShadowed(old, new Gfn(Gfn)));
        f.Vm.MmuLock.WriteUnlock();
    }

    [Fact]
    public void Taking_the_page_of_a_table_away_takes_what_was_made_from_it()
    {
        using ShadowFixture f = new();
        Alias(f, 3);
        for (ulong i = 0; i < 3; i++) f.Cpu.Store(Va + i * Page, 9);
        var table = f.Peek(EntryAddress(f.Peek(EntryAddress(f.Cpu.Vcpu.GuestRoot.Gfn.Value, Va, 3)) >> 12, Va, 2)) >> 12;
        Assert.Equal(1, f.ShadowPagesOf(table));
        // The host swaps the page for an equal one, which it may at any time.
        var bytes = new byte[Page];
        f.Memory.Read(f.Hva + table * Page, bytes);
        f.Memory.Discard(f.Hva + table * Page, Page);
        Assert.Equal(0, f.ShadowPagesOf(table));
        Assert.True(Head(f, Gfn)->IsEmpty);
        f.Memory.Write(f.Hva + table * Page, bytes);
        for (ulong i = 0; i < 3; i++) Assert.Equal(9UL, f.Cpu.Load(Va + i * Page));
        f.Verify();
    }
}
