using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Shadow.ShadowFixture;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>The guest writes to its own tables, through its own mappings: what counts when, and what is noticed how.</summary>
public sealed class ShadowSyncTests : IDisposable
{
    private const ulong Va = 0x4000_0000;
    private readonly ShadowFixture _f = new(vcpus: 2);
    private readonly ulong _root;

    public ShadowSyncTests()
    {
        _root = _f.NewTable();
        _f.MapLinear(_root, 3);
        foreach (var cpu in _f.Cpus) cpu.SetRoot(3, _root);
        _f.Poke(0x10_0000, 100);
        _f.Poke(0x10_1000, 101);
        _f.Poke(0x10_2000, 102);
    }

    private PagingEngine Cpu => _f.Cpu;

    public void Dispose() => _f.Dispose();

    private static ulong At(ulong gpa) => Linear + gpa;

    [Fact]
    public void A_change_counts_at_the_fence_for_its_address()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        Assert.Equal(Outcome.Done, Cpu.Store(At(entry), TestFormat.Leaf(0x101, RwxAd)));
        Assert.Equal(0, Cpu.TrackedStores);
        Assert.True(_f.IsUnsync(entry >> 12));
        _f.Verify();
        // Another address fenced: that page stays as it is, old or new.
        Cpu.Fence(Va + 16 * Page);
        Assert.Equal(100UL, Cpu.Load(Va));
        Cpu.Fence(Va);
        Assert.Equal(101UL, Cpu.Load(Va));
        Assert.True(_f.IsUnsync(entry >> 12));
        _f.Verify();
    }

    /// <summary>
    /// A table of level 1 that two addresses lead to: what a fence for one of them takes away must not live on in the TLB by the other.
    /// </summary>
    [Fact]
    public void A_fence_for_one_address_spares_the_tlb_only_if_no_other_leads_there()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        _f.MapAt(_root, 3, Va + Page, 0x102, RwxAd);
        var middle = _f.Peek(EntryAddress(_root, Va, 3)) >> 12;
        var before = Cpu.TlbFlushes;
        Assert.Equal(100UL, Cpu.Load(Va));
        Cpu.Store(At(entry), TestFormat.Leaf(0x101, RwxAd));
        before = Cpu.TlbFlushes;
        Cpu.Fence(Va);
        Assert.Equal(before, Cpu.TlbFlushes);
        Assert.Equal(101UL, Cpu.Load(Va));
        // The second way, at another level-2 entry.
        var other = Va + 0x20_0000;
        _f.Poke(EntryAddress(middle, other, 2), TestFormat.Table(entry >> 12));
        Assert.Equal(101UL, Cpu.Load(other));
        Cpu.Store(At(entry), TestFormat.Leaf(0x100, RwxAd));
        before = Cpu.TlbFlushes;
        Cpu.Fence(Va);
        Assert.Equal(before + 1, Cpu.TlbFlushes);
        Assert.Equal(100UL, Cpu.Load(other));
        Assert.Equal(100UL, Cpu.Load(Va));
    }

    [Fact]
    public void A_fence_for_all_brings_tables_in_step_and_watches_them_again()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        Cpu.Store(At(entry), TestFormat.Leaf(0x101, RwxAd));
        Cpu.Fence();
        Assert.False(_f.IsUnsync(entry >> 12));
        Assert.Equal(101UL, Cpu.Load(Va));
        _f.Verify();
        Cpu.Store(At(entry), TestFormat.Leaf(0x102, RwxAd));
        Assert.True(_f.IsUnsync(entry >> 12));
        Cpu.Fence();
        Assert.Equal(102UL, Cpu.Load(Va));
        Cpu.Store(At(entry), 0);
        Cpu.Fence();
        Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, Cpu.Last);
        Assert.Equal(3, _f.Mmu.Counters.PagesSynced);
    }

    /// <summary>An entry that was not valid needs no fence when it becomes so: nothing of it can be cached.</summary>
    [Fact]
    public void A_new_mapping_needs_no_fence()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd) + 8;
        Cpu.Load(Va);
        Cpu.Load(Va + Page);
        Assert.Equal(Outcome.PageFault, Cpu.Last);
        Cpu.Store(At(entry), TestFormat.Leaf(0x101, RwxAd));
        Assert.Equal(101UL, Cpu.Load(Va + Page));
    }

    [Fact]
    public void Rights_taken_away_are_gone_after_the_fence_of_each_vcpu()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        foreach (var cpu in _f.Cpus) Assert.Equal(Outcome.Done, cpu.Store(Va, 100));
        Cpu.Store(At(entry), TestFormat.Leaf(0x100, TestFormat.R | TestFormat.A));
        // The other vCPU fences, as an IPI makes it: it sees what this one wrote.
        _f.Cpus[1].Fence();
        Assert.Equal(Outcome.PageFault, _f.Cpus[1].Store(Va, 1));
        Assert.Equal(100UL, _f.Cpus[1].Load(Va));
        Cpu.Fence();
        Assert.Equal(Outcome.PageFault, Cpu.Store(Va, 1));
    }

    [Fact]
    public void Loading_a_root_is_a_fence_for_what_it_could_not_see()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        var other = _f.NewTable();
        // The other root shares the linear half, not the page.
        _f.Poke(EntryAddress(other, Linear, 3), _f.Peek(EntryAddress(_root, Linear, 3)));
        Assert.Equal(100UL, Cpu.Load(Va));
        Cpu.SetRoot(3, other);
        Cpu.Store(At(entry), TestFormat.Leaf(0x101, RwxAd));
        Cpu.Fence();
        Assert.True(_f.IsUnsync(entry >> 12));
        Cpu.SetRoot(3, _root);
        Assert.Equal(101UL, Cpu.Load(Va));
        _f.Verify();
    }

    /// <summary>A page table reached by two roots, unsync below one that the other never saw: linking it is a fence, too.</summary>
    [Fact]
    public void Linking_a_table_brings_it_in_step()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        var second = _f.Cpus[1];
        var other = _f.NewTable();
        second.SetRoot(3, other);
        Cpu.Store(At(entry), TestFormat.Leaf(0x101, RwxAd));
        // Now the other root gets the same table of level 2: a mapping that was not there before, so no fence of the second vCPU.
        _f.Poke(EntryAddress(other, Va, 3), _f.Peek(EntryAddress(_root, Va, 3)));
        Assert.Equal(101UL, second.Load(Va));
        _f.Verify();
    }

    [Fact]
    public void A_store_to_a_higher_table_is_done_for_the_guest()
    {
        _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        _f.MapAt(_root, 3, Va + 0x20_0000, 0x101, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        Assert.Equal(101UL, Cpu.Load(Va + 0x20_0000));
        var middle = _f.Peek(EntryAddress(_root, Va, 3)) >> 12;
        var first = EntryAddress(middle, Va, 2);
        var second = EntryAddress(middle, Va + 0x20_0000, 2);
        Assert.Equal(Outcome.Done, Cpu.Store(At(first), _f.Peek(second)));
        Assert.Equal(1, Cpu.TrackedStores);
        Assert.Equal(_f.Peek(second), _f.Peek(first));
        _f.Verify();
        Cpu.Fence();
        Assert.Equal(101UL, Cpu.Load(Va));
        // And atomically.
        var was = _f.Peek(first);
        Assert.Equal(was, Cpu.CompareExchange(At(first), was, 0));
        Assert.Equal(0UL, _f.Peek(first));
        Assert.Equal(0UL, Cpu.CompareExchange(At(first), was, 5));
        Cpu.Fence();
        Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, Cpu.Last);
    }

    [Fact]
    public void A_table_that_is_written_like_data_is_one_no_more()
    {
        _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        var entry = EntryAddress(_root, Va, 3);
        var middle = _f.Peek(entry) >> 12;
        Cpu.Store(At(entry), 0);
        Cpu.Fence();
        var before = Cpu.TrackedStores;
        for (ulong i = 0; i < 100; i++) Assert.Equal(Outcome.Done, Cpu.Store(At((middle << 12) + i * 8), i));
        Assert.True(Cpu.TrackedStores - before <= 3);
        Assert.Equal(0, _f.ShadowPagesOf(middle));
        Assert.Equal(1, _f.Mmu.Counters.WriteFloods);
    }

    /// <summary>
    /// Reads log, too: the table that A is set in. However many of them come before the vCPU next looks at its requests, they never fill
    /// its ring.
    /// </summary>
    [Fact]
    public void Reads_stop_before_the_ring_is_full()
    {
        using ShadowFixture f = new(new VmOptions { DirtyRingEntries = 128 }, flags: MemslotFlags.LogDirtyPages);
        var root = f.NewTable();
        for (ulong i = 0; i < 400; i++) f.MapAt(root, 3, Va + i * Page, 0x100 + i, TestFormat.R);
        f.Cpu.SetRoot(3, root);
        var done = 0;
        var stops = 0;
        var entries = new DirtyGfn[128];
        while (done < 400)
        {
            done += f.Cpu.LoadRun(Va + (ulong)done * Page, 400 - done, out var reason);
            if (done == 400) break;
            Assert.Equal(VcpuExitReason.DirtyRingFull, reason);
            stops++;
            Assert.True(f.Vm.HarvestDirtyRing(f.Cpu.Vcpu, entries) > 0);
            Assert.True(f.Vm.ResetDirtyRings() > 0);
        }
        Assert.True(stops > 3);
        f.Vm.HarvestDirtyRing(f.Cpu.Vcpu, entries);
        f.Vm.ResetDirtyRings();
    }

    /// <summary>
    /// For an access that cannot be done for the guest: without shadows the page is like any other, until it is used as a table again.
    /// </summary>
    [Fact]
    public void Unprotect_makes_a_table_writable()
    {
        _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        var middle = _f.Peek(EntryAddress(_root, Va, 3)) >> 12;
        Cpu.Do(() => Cpu.Vcpu.Unprotect(new Gpa(middle << 12)));
        Assert.Equal(0, _f.ShadowPagesOf(middle));
        Assert.Equal(Outcome.Done, Cpu.Store(At(middle << 12) + 2048, 0));
        Assert.Equal(0, Cpu.TrackedStores);
        Assert.Equal(100UL, Cpu.Load(Va));
        Assert.Equal(Outcome.Done, Cpu.Store(At(middle << 12) + 2048, 0));
        Assert.Equal(1, Cpu.TrackedStores);
    }

    /// <summary>The host writes to tables: a device that was told to.</summary>
    [Fact]
    public void Host_writes_to_tables_are_followed()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        Assert.Equal(100UL, Cpu.Load(Va));
        _f.Poke(entry, TestFormat.Leaf(0x102, RwxAd));
        _f.Verify();
        Cpu.Fence();
        Assert.Equal(102UL, Cpu.Load(Va));
        _f.Poke(EntryAddress(_root, Va, 3), 0);
        _f.Verify();
        Cpu.Fence();
        Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, Cpu.Last);
        // A whole page at once.
        Assert.True(_f.Vm.WriteGuest(new Gpa(entry & ~4095UL), new byte[4096]));
        _f.Verify();
    }

    [Fact]
    public void A_table_the_host_takes_away_is_read_again()
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        var table = entry >> 12;
        Assert.Equal(100UL, Cpu.Load(Va));
        // Zeros from here on; the guest need not fence for it, no more than for a page of its own.
        _f.Memory.Discard(_f.Hva + (table << 12), Page);
        Assert.Equal(0, _f.ShadowPagesOf(table));
        Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, Cpu.Last);
        _f.Poke(entry, TestFormat.Leaf(0x101, RwxAd));
        Assert.Equal(101UL, Cpu.Load(Va));
        // The root itself, in use.
        _f.Memory.Discard(_f.Hva + (_root << 12), Page);
        Cpu.Load(Va);
        Assert.Equal(Outcome.PageFault, Cpu.Last);
        _f.Poke(EntryAddress(_root, Va, 3), TestFormat.Leaf(0, RwxAd));
        Assert.Equal(100UL, Cpu.Load(Va + 0x10_0000));
    }

    /// <summary>The guest changes a table between the walk and the mapping: what was walked is not mapped.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_change_under_the_walk_starts_it_again(int level)
    {
        var entry = _f.MapAt(_root, 3, Va, 0x100, RwxAd);
        var other = _f.MapAt(_root, 3, Va + 0x4000_0000, 0x101, RwxAd);
        var table = level == 1 ? entry >> 12 : level == 2 ? _f.Peek(EntryAddress(_root, Va, 3)) >> 12 : _root;
        var from =
            EntryAddress(level == 1 ? other >> 12 : level == 2 ? _f.Peek(EntryAddress(_root, Va + 0x4000_0000, 3)) >> 12 : _root,
                Va + 0x4000_0000, level);
        var done = false;
        Cpu.AfterWalk = () =>
        {
            if (!done) _f.Poke(EntryAddress(table, Va, level), _f.Peek(from));
            done = true;
        };
        Assert.Equal(101UL, Cpu.Load(Va));
        Cpu.AfterWalk = null;
        _f.Verify();
    }
}
