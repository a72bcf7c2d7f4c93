using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>A table page that goes back and is used again starts as if new, whatever it was to be the time before.</summary>
public sealed unsafe class TableReuseTests
{
    private const ulong Far = 0x300_0000;
    private const ulong Hole = 0x8000_0000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_table_that_lost_its_place_is_kept_as_new(bool split)
    {
        using TdpFixture f = new();
        TableCache cache = default;
        Assert.True(cache.TryTopUp(f.Vm.Mmu.Allocator));
        LoseLink(f, ref cache, split);
        Assert.True(cache.IsNew);
        var table = cache.Pop();
        AssertNew(table);
        f.Vm.Mmu.Allocator.Free(table);
        cache.Drain(f.Vm.Mmu.Allocator);
        Assert.Equal((0, 1), (f.Vm.Mmu.Counters.HugeSplits, f.Vm.Mmu.Counters.LinksLost));
    }

    /// <summary>The finding of the long run: a leaf table that another vCPU had linked first is the next root.</summary>
    [Fact]
    public void A_table_that_lost_its_place_may_become_a_root()
    {
        using TdpFixture f = new(new VmOptions { AddressSpaces = 2 });
        f.AddMemory(0, Far, Page);
        f.AddMemory(1, 0, Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Far, 1UL);
        Assert.True(f.Vm.Mmu.TryTopUp(cpu.Vcpu));
        LoseLink(f, ref cpu.Vcpu.TableCache, split: false);
        f.DeleteSlot(1);
        Assert.Equal(1UL, cpu.Load<ulong>(Far));
        var report = f.Vm.Audit(atRest: true);
        Assert.True(report.IsClean, report.ToString());
    }

    [Fact]
    public void A_page_that_was_a_root_comes_out_of_the_allocator_as_new()
    {
        using TdpFixture f = new();
        var allocator = f.Vm.Mmu.Allocator;
        var table = allocator.TryAllocate();
        table.Info =
            new TableInfo
            { Gfn = new Gfn(1), Level = 2, AddressSpaceId = 1, RootCount = 3, Invalid = 1, ScheduledZap = 1, ShadowPage = table.Entries };
        new Span<ulong>(table.Entries, SpteTable.EntryCount).Fill(ulong.MaxValue);
        allocator.Free(table);
        var again = allocator.TryAllocate();
        Assert.Equal(table, again);
        AssertNew(again);
        allocator.Free(again);
    }

    /// <summary>
    /// A refused table does not count: a guest that goes on probing neither gets round to room again, nor loses what the next zap of
    /// everything gives it.
    /// </summary>
    [Fact]
    public void Tables_of_holes_are_counted_as_long_as_they_stand()
    {
        using TdpFixture f = new(new VmOptions { HugePages = false });
        f.AddMemory(0, 0, Page);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 2 * TdpMmu.MaxMmioTables; i++) cpu.Load<ulong>(Hole + i * Huge);
        Assert.Equal(TdpMmu.MaxMmioTables, f.Tdp.MmioTables);
        f.AddMemory(1, Huge, Page);
        f.DeleteSlot(1);
        Assert.Equal(0, f.Tdp.MmioTables);
        cpu.Load<ulong>(Hole);
        Assert.Equal(3, f.Tdp.MmioTables);
    }

    /// <summary>Two vCPUs probe one hole at the same time: the tables that lost their places are none that stand.</summary>
    [Fact]
    public void A_table_of_a_hole_that_lost_its_place_does_not_count()
    {
        using TdpFixture f = new(new VmOptions { HugePages = false });
        f.AddMemory(0, 0, Page);
        ScriptedVcpu cpu = new(f.Vm), other = new(f.Vm);
        f.Tdp.Linking = () =>
        {
            f.Tdp.Linking = null;
            System.Threading.Thread first = new(() => other.Load<ulong>(Hole));
            first.Start();
            first.Join();
        };
        cpu.Load<ulong>(Hole);
        Assert.Equal(1, f.Vm.Mmu.Counters.LinksLost);
        Assert.Equal(3, f.Tdp.MmioTables);
    }

    /// <summary>
    /// As for a fault that has seen an entry empty, or huge, and finds another vCPU's table in it when it comes to link its own.
    /// </summary>
    private static void LoseLink(TdpFixture f, ref TableCache cache, bool split)
    {
        var entry = Spte.Frozen.Raw;
        var seen = split ? Spte.ForLeaf(new Pfn(512), hostWritable: true, mmuWritable: true, writable: true, huge: true) : default;
        Assert.False(f.Tdp.LinkTable(ref cache, &entry, seen, new Gfn(Far >> 12), level: 2));
        Assert.Equal(Spte.Frozen.Raw, entry);
    }

    private static void AssertNew(SpteTable table)
    {
        Assert.True(table.IsNew);
        Assert.Equal(SpteTable.EntryCount, SpteTable.NextUsed(table.Entries, 0));
        Assert.Equal(-1, new ReadOnlySpan<byte>(TableAllocator.InfoOf(table.Entries), sizeof(TableInfo)).IndexOfAnyExcept((byte)0));
    }
}
