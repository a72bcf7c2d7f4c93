using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Shadow.ShadowFixture;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>From fault to SPTE and away again: without translation, and through tables of the guest.</summary>
public sealed class ShadowFaultTests
{
    private const ulong Va = 0x40_0000;

    [Fact]
    public void Without_translation_addresses_are_physical()
    {
        using ShadowFixture f = new();
        f.Poke(0x5008, 77);
        Assert.Equal(77UL, f.Cpu.Load(0x5008));
        Assert.Equal(Outcome.Done, f.Cpu.Store(0x5008, 78));
        Assert.Equal(78UL, f.Peek(0x5008));
        // The mode does not matter, and nothing is walked.
        f.Cpu.Mode = GuestPrivilege.User;
        Assert.Equal(78UL, f.Cpu.Load(0x5008));
        Assert.Equal(Outcome.Done, f.Cpu.Fetch(0x5000));
        Assert.Equal(0, f.Cpu.Walks);
        f.Cpu.Load(Pages * Page + 16);
        Assert.Equal(Outcome.Mmio, f.Cpu.Last);
        Assert.Equal(Pages * Page + 16, f.Cpu.MmioAddress);
        f.Cpu.Load(1UL << 50);
        Assert.Equal(Outcome.Mmio, f.Cpu.Last);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Through_the_guests_tables(int levels)
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        f.MapAt(root, levels, Va, 0x123, Rwx);
        f.Poke(0x123010, 55);
        f.Cpu.SetRoot(levels, root);
        Assert.Equal(55UL, f.Cpu.Load(Va + 0x10));
        f.Verify();
        Assert.Equal(1, f.Cpu.Walks);
        f.Cpu.FlushTlb();
        Assert.Equal(55UL, f.Cpu.Load(Va + 0x10));
        Assert.Equal(1, f.Cpu.Walks);
        f.Cpu.Load(Va + 0x1000);
        Assert.Equal(Outcome.PageFault, f.Cpu.Last);
        f.Cpu.Load(1UL << (12 + levels * 9 - 1));
        Assert.Equal(Outcome.PageFault, f.Cpu.Last);
    }

    [Fact]
    public void High_half_addresses_are_sign_extended()
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        var high = 0xffff_ffc0_0000_0000;
        f.MapAt(root, 3, high, 0x42, Rwx);
        f.Poke(0x42000, 9);
        f.Cpu.SetRoot(3, root);
        Assert.Equal(9UL, f.Cpu.Load(high));
        f.Cpu.Load(high & 0x7f_ffff_ffff);
        Assert.Equal(Outcome.PageFault, f.Cpu.Last);
    }

    /// <summary>A is set by the first access, D by the first write, and the SPTE never lets the guest by before.</summary>
    [Fact]
    public void Accessed_and_dirty_are_exact()
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        var entry = f.MapAt(root, 3, Va, 0x123, Rwx);
        f.Cpu.SetRoot(3, root);
        f.Cpu.Load(Va);
        Assert.Equal(TestFormat.A, f.Peek(entry) & (TestFormat.A | TestFormat.D));
        Assert.False(Spte(f.Cpu, Va).Writable);
        f.Verify();
        f.Cpu.Store(Va, 1);
        Assert.Equal(TestFormat.A | TestFormat.D, f.Peek(entry) & (TestFormat.A | TestFormat.D));
        Assert.True(Spte(f.Cpu, Va).Writable);
        f.Verify();
        // The guest clears them, as its reclaim does, and fences: the next access sets them again.
        f.Poke(entry, f.Peek(entry) & ~(TestFormat.A | TestFormat.D));
        f.Cpu.Fence(Va);
        Assert.True(Spte(f.Cpu, Va).IsNone);
        f.Cpu.Load(Va);
        Assert.Equal(TestFormat.A, f.Peek(entry) & (TestFormat.A | TestFormat.D));
    }

    [Fact]
    public void Without_hardware_updates_the_guest_faults_for_accessed_and_dirty()
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        var entry = f.MapAt(root, 3, Va, 0x123, Rwx);
        f.Cpu.SetsBits = false;
        f.Cpu.SetRoot(3, root);
        f.Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, f.Cpu.Last);
        f.Poke(entry, f.Peek(entry) | TestFormat.A);
        f.Cpu.Load(Va);
        Assert.Equal(Outcome.Done, f.Cpu.Last);
        Assert.Equal(Outcome.PageFault, f.Cpu.Store(Va, 1));
        f.Poke(entry, f.Peek(entry) | TestFormat.D);
        Assert.Equal(Outcome.Done, f.Cpu.Store(Va, 1));
    }

    [Theory]
    [InlineData(TestFormat.R, GuestPrivilege.Supervisor, true, false, false)]
    [InlineData(TestFormat.X, GuestPrivilege.Supervisor, false, false, true)]
    [InlineData(TestFormat.X, GuestPrivilege.Mxr, true, false, true)]
    [InlineData(Rwx | TestFormat.U, GuestPrivilege.Supervisor, false, false, false)]
    [InlineData(Rwx | TestFormat.U, GuestPrivilege.Sum, true, true, false)]
    [InlineData(Rwx | TestFormat.U, GuestPrivilege.User, true, true, true)]
    [InlineData(Rwx, GuestPrivilege.User, false, false, false)]
    [InlineData(TestFormat.X | TestFormat.U, GuestPrivilege.User | GuestPrivilege.Mxr, true, false, true)]
    [InlineData(TestFormat.R | TestFormat.W, GuestPrivilege.Supervisor, true, true, false)]
    public void Rights_are_judged_by_mode(ulong bits, GuestPrivilege mode, bool read, bool write, bool execute)
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        f.MapAt(root, 3, Va, 0x123, bits);
        f.Cpu.SetRoot(3, root);
        // Whatever another mode had mapped before, and whatever the order.
        foreach (var other in (GuestPrivilege[])[GuestPrivilege.User, GuestPrivilege.Sum, GuestPrivilege.Mxr, mode])
        {
            f.Cpu.Mode = other;
            f.Cpu.Load(Va);
            var canRead = f.Cpu.Last == Outcome.Done;
            var canWrite = f.Cpu.Store(Va, 3) == Outcome.Done;
            var canExecute = f.Cpu.Fetch(Va) == Outcome.Done;
            if (other == mode) Assert.Equal((read, write, execute), (canRead, canWrite, canExecute));
        }
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 3)]
    [InlineData(4, 4)]
    public void Large_leaves_of_the_guest(int leafLevel, int levels)
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        f.MapAt(root, levels, Linear & ~0xff_ffff_ffffUL, 0, Rwx, leafLevel);
        var va = (Linear & ~0xff_ffff_ffffUL) + 0x5000;
        f.Cpu.SetRoot(levels, root);
        f.Poke(0x5000, 12);
        Assert.Equal(12UL, f.Cpu.Load(va));
        Assert.False(Spte(f.Cpu, va).Writable);
        f.Verify();
        Assert.Equal(Outcome.Done, f.Cpu.Store(va, 13));
        Assert.Equal(13UL, f.Peek(0x5000));
        f.Verify();
        // Beyond memory the leaf leads to devices.
        if (leafLevel < 3) return;
        f.Cpu.Load(va + Pages * Page);
        Assert.Equal(Outcome.Mmio, f.Cpu.Last);
        Assert.Equal(Pages * Page + 0x5000, f.Cpu.MmioAddress);
        f.Verify();
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Huge_sptes_where_host_and_guest_allow(int leafLevel)
    {
        using ShadowFixture f = new(hugePages: true);
        var root = f.NewTable();
        f.MapAt(root, 3, 0x4000_0000, 0, RwxAd, leafLevel);
        f.Cpu.SetRoot(3, root);
        f.Cpu.Store(0x4020_5008, 99);
        Assert.True(Spte(f.Cpu, 0x4020_5008).IsHuge == (leafLevel == 3));
        f.Cpu.Store(0x4000_5008, 98);
        Assert.True(Spte(f.Cpu, 0x4000_5008).IsHuge);
        Assert.Equal(98UL, f.Peek(0x5008));
        if (leafLevel == 3) Assert.Equal(99UL, f.Peek(0x20_5008));
        f.Verify();
        // The block that the tables lie in (0x800..) must not be mapped so.
        if (leafLevel != 3) return;
        f.Cpu.Load(0x4080_0000);
        Assert.False(Spte(f.Cpu, 0x4080_0000).IsHuge);
        f.Verify();
    }

    /// <summary>
    /// The fault itself shadows the last table of its walk, the first table of that block: what was allowed before it went down no longer
    /// is.
    /// </summary>
    [Theory]
    [InlineData(2, 3, false)]
    [InlineData(2, 3, true)]
    [InlineData(3, 4, false)]
    [InlineData(3, 4, true)]
    public void A_block_that_holds_a_table_of_its_own_walk_is_mapped_by_pages(int leafLevel, int levels, bool write)
    {
        using ShadowFixture f = new(hugePages: true);
        ulong root = 0x10;
        var table = f.NewTable();
        var block = table & ~511UL;
        f.Poke(EntryAddress(root, 0, levels), TestFormat.Table(table));
        f.MapAt(root, levels, 0, leafLevel == 2 ? block : 0, RwxAd, leafLevel);
        f.Cpu.SetRoot(levels, root);
        var va = ((leafLevel == 2 ? 0 : block) << 12) + 0x5000;
        if (write) Assert.Equal(Outcome.Done, f.Cpu.Store(va, 5));
        else f.Cpu.Load(va);
        Assert.False(Spte(f.Cpu, va).IsNone);
        Assert.False(Spte(f.Cpu, va).IsHuge);
        f.Verify();
    }

    [Fact]
    public void Mmio_entries_remember_where_they_lead()
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        f.MapAt(root, 3, Va, 0x99999, RwxAd);
        f.Cpu.SetRoot(3, root);
        for (var i = 0; i < 3; i++)
        {
            f.Cpu.Load(Va + 8 * (ulong)i);
            Assert.Equal(Outcome.Mmio, f.Cpu.Last);
            Assert.Equal(0x9999_9000 + 8 * (ulong)i, f.Cpu.MmioAddress);
        }
        Assert.Equal(1, f.Cpu.Walks);
        // A memslot appears there.
        f.SetSlot(1, 0x9999_9000, Page, f.Memory.Map(Page, HostMemory.VmaProtection.Read | HostMemory.VmaProtection.Write));
        Assert.Equal(Outcome.Done, f.Cpu.Store(Va, 4));
        Assert.Equal(4UL, f.Peek(0x9999_9000));
        f.Verify();
    }

    [Fact]
    public void A_table_where_no_memory_is_gives_access_faults()
    {
        using ShadowFixture f = new();
        var root = f.NewTable();
        f.Poke(EntryAddress(root, Va, 3), TestFormat.Table(0x77777));
        f.Cpu.SetRoot(3, root);
        f.Cpu.Load(Va);
        Assert.Equal(Outcome.AccessFault, f.Cpu.Last);
        f.Cpu.SetRoot(3, 0x77777);
        f.Cpu.Load(Va);
        Assert.Equal(Outcome.AccessFault, f.Cpu.Last);
        // A root that is beyond any memslot now, and inside one later.
        var hva = f.Memory.Map(Page, HostMemory.VmaProtection.Read | HostMemory.VmaProtection.Write);
        f.SetSlot(1, 0x7777_7000, Page, hva);
        f.Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, f.Cpu.Last);
        f.Poke(EntryAddress(0x77777, 0x4000_0000, 3), TestFormat.Leaf(0, RwxAd));
        Assert.Equal(Outcome.Done, f.Cpu.Store(0x4000_1000, 8));
        Assert.Equal(8UL, f.Peek(0x1000));
        f.SetSlot(1, 0, 0, default);
        f.Cpu.Load(0x4000_1000);
        Assert.Equal(Outcome.AccessFault, f.Cpu.Last);
    }

    /// <summary>
    /// Faults through new tables, stores that are tracked or let tables go, fences, switches of the root: none of it makes garbage.
    /// </summary>
    [Fact]
    public void Nothing_allocates_managed_memory()
    {
        using ShadowFixture f = new();
        GuestTables tables = new(f.Vm, 0x200, 64);
        for (ulong i = 0; i < 4096; i++) tables.Map(Linear + i * Page, i, GuestRights.Read | GuestRights.Write);
        for (ulong i = 0; i < 1024; i++) tables.Map(Va + i * 16 * Page, 0x400 + i, GuestRights.Read | GuestRights.Write);
        Busy busy = new(tables.Root, tables.EntryOf(Va, 1), tables.EntryOf(Va, 2));
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(busy));
        // The lock validator allocates when it meets a chain of locks for the first time: what the paths allocate themselves is there each
        // time.
        var least = long.MaxValue;
        for (var i = 0; i < 4; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            long budget = 2000;
            vcpu.Run(ref budget);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(0, budget);
        }
        Assert.Equal(0, least);
        Assert.True(vcpu.Statistics.FaultsMap > 800 && vcpu.Statistics.TrackedWrites > 100 && f.Mmu.Counters.PagesSynced > 100,
            $"{vcpu.Statistics.FaultsMap} {vcpu.Statistics.TrackedWrites} {f.Mmu.Counters.PagesSynced}");
    }

    private sealed class Busy(GuestRoot root, ulong low, ulong middle) : IGuestProgram
    {
        private ulong _step;

        public GuestStep Step(ScriptedEngine cpu)
        {
            var step = _step;
            switch (step % 6)
            {
                case 0 when step % 60 == 0:
                    cpu.SetGuestRoot(step % 120 == 0 ? root : default);
                    cpu.SetGuestRoot(root);
                    break;
                case 0:
                case 1:
                    cpu.Load<ulong>(Va + step / 3 % 1024 * 16 * Page);
                    break;
                case 2:
                    cpu.Store(Linear + low + 64, step);
                    break;
                case 3:
                    cpu.Store(Linear + middle + 1024, step & ~1UL);
                    break;
                case 4:
                    cpu.Store(Va + step / 3 % 1024 * 16 * Page, step);
                    break;
                default:
                    if (step % 4 == 1) cpu.FenceTables();
                    else cpu.FenceTables(Va);
                    break;
            }
            if (!cpu.Stopped) _step++;
            return GuestStep.Continue;
        }
    }
}
