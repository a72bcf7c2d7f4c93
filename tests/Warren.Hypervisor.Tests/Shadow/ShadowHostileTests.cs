using Warren.HostMemory;
using static Warren.Hypervisor.Tests.Shadow.ShadowFixture;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>Tables that no sane guest builds, and what becomes of them: right mappings or right faults, and bounded memory.</summary>
public sealed class ShadowHostileTests
{
    private const ulong Va = 0x4000_0000;

    /// <summary>
    /// A root that is its own entry 256: each level of the walk may be the root again, and the root's page is mapped through itself.
    /// </summary>
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_table_that_maps_itself(int levels)
    {
        using ShadowFixture f = new();
        var cpu = f.Cpu;
        var root = f.NewTable();
        var entry = f.MapAt(root, levels, Va, 0x100, RwxAd);
        f.MapAt(root, levels, Va + 0x1000, 0x101, RwxAd);
        f.Poke(0x10_0000, 100);
        f.Poke(0x10_1000, 101);
        // At level 1 the entry that points at the root is a leaf for it: only with rights, so the root gets one of its own.
        ulong self = 256;
        f.Poke((root << 12) + self * 8, TestFormat.Table(root));
        f.Poke((root << 12) + 257 * 8, TestFormat.Leaf(root, RwxAd));
        cpu.SetRoot(levels, root);
        Assert.Equal(100UL, cpu.Load(Va));
        ulong window = 0;
        for (var level = levels; level > 1; level--) window |= self << 12 + (level - 1) * 9;
        window = (ulong)((long)(window << 52 - levels * 9) >> 52 - levels * 9) | 257UL << 12;
        // Through the window the guest sees the root as data.
        Assert.Equal(TestFormat.Table(root), cpu.Load(window + self * 8));
        f.Verify();
        // And stores to it: tracked, whatever levels the page is used at, and effective at the fence.
        var top = EntryAddress(root, Va, levels);
        var was = f.Peek(top);
        Assert.Equal(Outcome.Done, cpu.Store(window + (top & 4095), 0));
        Assert.True(cpu.TrackedStores > 0);
        cpu.Fence();
        cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, cpu.Last);
        f.Verify();
        Assert.Equal(Outcome.Done, cpu.Store(window + (top & 4095), was));
        Assert.Equal(100UL, cpu.Load(Va));
        f.Verify();
        // The last store through the window takes the window away.
        Assert.Equal(Outcome.Done, cpu.Store(window + self * 8, 0));
        cpu.Fence();
        cpu.Load(window);
        Assert.Equal(Outcome.PageFault, cpu.Last);
        Assert.Equal(100UL, cpu.Load(Va));
        Assert.Equal(entry, entry);
        f.Verify();
    }

    /// <summary>One page used as a table of every level, and mapped as data, and written through that mapping again and again.</summary>
    [Fact]
    public void One_table_at_every_level()
    {
        using ShadowFixture f = new();
        var cpu = f.Cpu;
        var table = f.NewTable();
        // Entry 1 goes down to the same table, entry 2 maps the table as data, entry 3 maps memory; both are leaves at level 1, and
        // misaligned above.
        f.Poke((table << 12) + 8, TestFormat.Table(table));
        f.Poke((table << 12) + 16, TestFormat.Leaf(table, RwxAd));
        f.Poke((table << 12) + 24, TestFormat.Leaf(0x101, RwxAd));
        f.Poke(0x10_1000, 101);
        f.Poke(0x10_2000, 102);
        foreach (var levels in (int[])[3, 4, 5, 3])
        {
            cpu.SetRoot(levels, table);
            ulong down = 0;
            for (var level = levels; level > 1; level--) down |= 1UL << 12 + (level - 1) * 9;
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal(101UL, cpu.Load(down + 0x3000));
                Assert.Equal(Outcome.Done, cpu.Store(down + 0x2018, TestFormat.Leaf(0x102, RwxAd)));
                cpu.Fence();
                Assert.Equal(102UL, cpu.Load(down + 0x3000));
                Assert.Equal(Outcome.Done, cpu.Store(down + 0x2018, TestFormat.Leaf(0x101, RwxAd)));
                cpu.Fence();
                f.Verify();
            }
        }
        Assert.InRange(f.ShadowPagesOf(table), 1, 5);
    }

    /// <summary>
    /// A table of level 1 that is let go, and is then used as one of level 2: from there on every store to it is noticed.
    /// </summary>
    [Fact]
    public void A_table_that_rises_a_level()
    {
        using ShadowFixture f = new();
        var cpu = f.Cpu;
        var root = f.NewTable();
        f.MapLinear(root, 3);
        var entry = f.MapAt(root, 3, Va, 0x100, RwxAd);
        var table = entry >> 12;
        cpu.SetRoot(3, root);
        cpu.Load(Va);
        Assert.Equal(Outcome.Done, cpu.Store(Linear + entry + 8, 0));
        Assert.True(f.IsUnsync(table));
        // The root now uses it at level 2, in entry 7; its own entry 9 leads to another table.
        var under = f.NewTable();
        f.Poke((under << 12) + 8 * 5, TestFormat.Leaf(0x103, RwxAd));
        f.Poke(0x10_3000, 103);
        Assert.Equal(Outcome.Done, cpu.Store(Linear + (table << 12) + 8 * 9, TestFormat.Table(under)));
        Assert.Equal(Outcome.Done, cpu.Store(Linear + (root << 12) + 8 * 7, TestFormat.Table(table)));
        var address = 7UL << 30 | 9UL << 21 | 5UL << 12;
        Assert.Equal(103UL, cpu.Load(address));
        f.Verify();
        var before = cpu.TrackedStores;
        Assert.Equal(Outcome.Done, cpu.Store(Linear + (table << 12) + 8 * 9, 0));
        Assert.Equal(before + 1, cpu.TrackedStores);
        cpu.Fence();
        cpu.Load(address);
        Assert.Equal(Outcome.PageFault, cpu.Last);
        f.Verify();
    }

    /// <summary>
    /// A leaf of 2 MiB over the very tables that make it: each page of them is write-protected, the rest of the block is not.
    /// </summary>
    [Fact]
    public void A_large_leaf_over_its_own_tables()
    {
        using ShadowFixture f = new(hugePages: true);
        var cpu = f.Cpu;
        var root = f.NewTable();
        f.MapLinear(root, 3, 2);
        cpu.SetRoot(3, root);
        var middle = f.Peek(EntryAddress(root, Linear, 3)) >> 12;
        var entry = Linear + EntryAddress(middle, Linear, 2);
        Assert.Equal(f.Peek(EntryAddress(middle, Linear, 2)), cpu.Load(entry));
        Assert.Equal(Outcome.Done, cpu.Store(Linear + 0xa0_0000, 7));
        Assert.Equal(0, cpu.TrackedStores);
        // Its own leaf loses W: the store is done, and is the last one.
        Assert.Equal(Outcome.Done,
            cpu.Store(Linear + EntryAddress(middle, Linear + 0x80_0000, 2), TestFormat.Leaf(0x800, TestFormat.R | TestFormat.A)));
        Assert.Equal(1, cpu.TrackedStores);
        cpu.Fence();
        Assert.Equal(Outcome.PageFault, cpu.Store(Linear + 0x80_0000, 7));
        Assert.Equal(Outcome.Done, cpu.Store(Linear + 0x20_0000, 7));
        Assert.True(Spte(cpu, Linear + 0x20_0000).IsHuge);
        f.Verify();
    }

    /// <summary>
    /// Every entry of one table leads to itself: 512 ways down at each of five levels, all of them used, and a change below. Nothing takes
    /// longer for it.
    /// </summary>
    [Fact]
    public void Every_entry_leads_to_the_table_itself()
    {
        using ShadowFixture f = new();
        var cpu = f.Cpu;
        var root = f.NewTable();
        var table = f.NewTable();
        var last = f.NewTable();
        for (ulong i = 0; i < 512; i++)
        {
            f.Poke((root << 12) + i * 8, TestFormat.Table(table));
            f.Poke((table << 12) + i * 8, TestFormat.Table(i == 511 ? last : table));
        }
        // At level 1 only the last table has leaves: for memory, and for itself.
        f.Poke(last << 12, TestFormat.Leaf(0x101, RwxAd));
        f.Poke((last << 12) + 8, TestFormat.Leaf(last, RwxAd));
        f.Poke(0x10_1000, 101);
        f.Poke(0x10_2000, 102);
        cpu.SetRoot(5, root);
        Random random = new(1);
        for (var i = 0; i < 3000; i++)
        {
            var address = ((ulong)random.Next(256) << 48) + ((ulong)random.Next(511) << 39) + ((ulong)random.Next(511) << 30)
                + (511UL << 21);
            var expected = i % 2 == 0 ? 101UL : 102UL;
            Assert.Equal(expected, cpu.Load(address));
            Assert.Equal(Outcome.Done, cpu.Store(address + Page, TestFormat.Leaf(expected == 101 ? 0x102UL : 0x101UL, RwxAd)));
            if (i % 3 == 0) cpu.Fence(address);
            else cpu.Fence();
            if (i % 3 == 0) cpu.Fence();
        }
        f.Verify();
        Assert.InRange(f.Mmu.Pages.Count, 5, 20);
    }

    [Fact]
    public void Memory_is_bounded_whatever_the_guest_builds()
    {
        using ShadowFixture f = new();
        var cpu = f.Cpu;
        f.Mmu.PageLimit = 64;
        var shared = f.NewTable();
        for (ulong i = 0; i < 512; i++) f.Poke((shared << 12) + i * 8, TestFormat.Table(shared));
        // 400 roots with a path each of their own.
        for (ulong i = 0; i < 400; i++)
        {
            var root = f.NewTable();
            var middle = f.NewTable();
            f.Poke((root << 12) + 8, TestFormat.Table(middle));
            f.Poke((middle << 12) + 8, TestFormat.Table(shared));
            cpu.SetRoot(5, root);
            for (ulong j = 0; j < 8; j++) cpu.Load(1UL << 48 | 1UL << 39 | j << 30 | j << 21 | j << 12);
            Assert.InRange(f.Mmu.Pages.Count, 1, 64);
        }
        f.Verify();
        Assert.True(f.Mmu.Counters.ShadowPagesReclaimed > 100);
        Assert.InRange(f.Mmu.Allocator.InUse, 1, 64 * 2 + 16);
    }

    [Fact]
    public void Roots_flipped_at_speed()
    {
        using ShadowFixture f = new(vcpus: 2);
        var cpu = f.Cpu;
        ulong[] roots = [.. Enumerable.Range(0, 8).Select(_ => f.NewTable())];
        for (var i = 0; i < 8; i++)
        {
            f.MapAt(roots[i], 3 + i % 3, Va, 0x100 + (ulong)i, RwxAd);
            f.Poke(0x10_0000 + (ulong)i * Page, 100 + (ulong)i);
        }
        for (var i = 0; i < 2000; i++)
        {
            var j = i * 7 % 9;
            if (j == 8) cpu.SetRoot(0, 0);
            else cpu.SetRoot(3 + j % 3, roots[j]);
            Assert.Equal(j == 8 ? 105UL : 100UL + (ulong)j, cpu.Load(j == 8 ? 0x10_5000 : Va));
        }
        f.Verify();
        Assert.InRange(f.Mmu.Pages.Count, 1, 60);
    }

    /// <summary>The slot that holds tables in use goes, and comes back elsewhere.</summary>
    [Fact]
    public void The_slot_of_the_tables_goes()
    {
        using ShadowFixture f = new();
        var cpu = f.Cpu;
        var hva = f.Memory.Map(16 * Page, VmaProtection.Read | VmaProtection.Write);
        f.SetSlot(1, 0x8000_0000, 16 * Page, hva);
        ulong root = 0x80000;
        f.Poke(EntryAddress(root, Va, 3), TestFormat.Table(root + 1));
        f.Poke(EntryAddress(root + 1, Va, 2), TestFormat.Table(root + 2));
        f.Poke(EntryAddress(root + 2, Va, 1), TestFormat.Leaf(0x100, RwxAd));
        f.Poke(0x10_0000, 100);
        cpu.SetRoot(3, root);
        Assert.Equal(100UL, cpu.Load(Va));
        f.SetSlot(1, 0, 0, default);
        cpu.Load(Va);
        Assert.Equal(Outcome.AccessFault, cpu.Last);
        f.Verify();
        f.SetSlot(1, 0x8000_0000, 16 * Page, hva);
        Assert.Equal(100UL, cpu.Load(Va));
        // Moved: the tables point where nothing is any more.
        f.SetSlot(1, 0x9000_0000, 16 * Page, hva);
        cpu.Load(Va);
        Assert.Equal(Outcome.AccessFault, cpu.Last);
        cpu.SetRoot(3, 0x90000);
        cpu.Load(Va);
        Assert.Equal(Outcome.AccessFault, cpu.Last);
        f.Verify();
    }
}
