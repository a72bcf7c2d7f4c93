using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

public abstract class HugePageTests(MmuKind mmu)
{
    private const ulong Base = 0x8000_0000;

    [Fact]
    public void One_fault_maps_two_mebibytes_where_everything_is_aligned()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 2 * Huge, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 1024; i++) cpu.Store(Base + i * Page, i);
        for (ulong i = 0; i < 1024; i++) Assert.Equal(i, cpu.Load<ulong>(Base + i * Page));
        Assert.Equal(2, cpu.Vcpu.Statistics.FaultsMapHuge);
        Assert.Equal(0, cpu.Vcpu.Statistics.FaultsMap);
        Assert.True(f.Leaf(Base >> 12).IsHuge);
        f.Verify();
    }

    [Theory]
    [InlineData(Page, 0UL)]
    [InlineData(0UL, Page)]
    public void A_slot_misaligned_on_either_side_gets_small_pages(ulong gpaOff, ulong hvaOff)
    {
        using TdpFixture f = new(mmu);
        var hva = f.Map(2 * Huge, hugePages: true);
        f.SetSlot(0, Base + gpaOff, Huge, hva + hvaOff);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base + gpaOff + 4 * Page, 1UL);
        Assert.Equal(0, cpu.Vcpu.Statistics.FaultsMapHuge);
        Assert.False(f.Leaf((Base + gpaOff >> 12) + 4).IsHuge);
        f.Verify();
    }

    [Fact]
    public void A_slot_that_covers_the_block_in_part_gets_small_pages()
    {
        using TdpFixture f = new(mmu);
        var hva = f.Map(2 * Huge, hugePages: true);
        f.SetSlot(0, Base, Huge - Page, hva);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        Assert.Equal(0, cpu.Vcpu.Statistics.FaultsMapHuge);
        f.Verify();
    }

    [Fact]
    public void Switched_off_nothing_is_huge()
    {
        using TdpFixture f = new(mmu, new VmOptions { HugePages = false });
        f.AddMemory(0, Base, Huge, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        Assert.Equal(0, cpu.Vcpu.Statistics.FaultsMapHuge);
    }

    [Fact]
    public void Discarding_one_page_of_a_block_unmaps_it_whole_and_nothing_stale_stays()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, Huge, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 512; i++) cpu.Store(Base + i * Page, i + 1);
        f.Memory.Discard(hva + 5 * Page, Page);
        Assert.Equal(0, f.LeafCount());
        for (ulong i = 0; i < 512; i++) Assert.Equal(i == 5 ? 0 : i + 1, cpu.Load<ulong>(Base + i * Page));
        Assert.False(f.Leaf(Base >> 12).IsHuge);
        f.Verify();
    }

    [Fact]
    public void Logging_splits_and_its_end_merges_again()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 2 * Huge, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 1024; i++) cpu.Store(Base + i * Page, i);
        f.SetSlot(0, Base, 2 * Huge, hva, MemslotFlags.LogDirtyPages);
        Assert.Equal(1024, f.LeafCount());
        Assert.Equal(2, f.Vm.Mmu.Counters.HugeSplits);
        Assert.False(f.Leaf(Base >> 12).Writable);
        Assert.True(f.Leaf(Base >> 12).MmuWritable);
        f.Verify();
        cpu.Store(Base + 3 * Page, 33UL);
        Assert.Equal(1, cpu.Vcpu.Statistics.FaultsFast);
        f.SetSlot(0, Base, 2 * Huge, hva);
        Assert.Equal(2, f.Vm.Mmu.Counters.HugeMerges);
        // Shadow paging drops the small ones, for the guest to fault huge ones in.
        if (mmu == MmuKind.Shadow)
        {
            Assert.Equal(0, f.LeafCount());
            cpu.Store(Base, 0UL);
            cpu.Store(Base + Huge, 512UL);
        }
        Assert.Equal(2, f.LeafCount());
        var merged = f.Leaf(Base >> 12);
        Assert.True(merged is { IsHuge: true, Writable: true, Dirty: true });
        var faults = cpu.Vcpu.Statistics.FaultsMap + cpu.Vcpu.Statistics.FaultsMapHuge;
        for (ulong i = 0; i < 1024; i++) Assert.Equal(i == 3 ? 33 : i, cpu.Load<ulong>(Base + i * Page));
        Assert.Equal(faults, cpu.Vcpu.Statistics.FaultsMap + cpu.Vcpu.Statistics.FaultsMapHuge);
        f.Verify();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_memory_for_tables_a_huge_leaf_goes_and_the_guest_faults_its_pages_in_again(bool manual)
    {
        using TdpFixture f = new(mmu, new VmOptions { ManualDirtyLogProtect = manual, DirtyLogInitiallySet = manual });
        var hva = f.AddMemory(0, Base, Huge, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        Assert.True(f.Leaf(Base >> 12).IsHuge);
        List<SpteTable> taken = [];
        f.Vm.Mmu.Allocator.FailChunk = () => true;
        while (f.Vm.Mmu.Allocator.TryAllocate() is { IsNull: false } table) taken.Add(table);
        f.SetSlot(0, Base, Huge, hva, MemslotFlags.LogDirtyPages);
        if (manual)
        {
            Assert.True(f.Leaf(Base >> 12).IsHuge);
            f.Vm.ClearDirtyLog(0, 64, 64, [1UL]);
        }
        Assert.Equal(0, f.LeafCount());
        Assert.Equal(0, f.Vm.Mmu.Counters.HugeSplits);
        f.Vm.Mmu.Allocator.FailChunk = null;
        foreach (var table in taken) f.Vm.Mmu.Allocator.Free(table);
        Assert.Equal(1UL, cpu.Load<ulong>(Base));
        cpu.Store(Base + 65 * Page, 2UL);
        var log = new ulong[8];
        f.Vm.GetDirtyLog(0, log);
        Assert.Equal(2UL, log[1] & 2);
        Assert.Equal(manual ? ulong.MaxValue : 0, log[7]);
        Assert.Equal(2, f.LeafCount());
        f.Verify();
    }

    [Fact]
    public void A_table_with_a_hole_or_mixed_rights_is_not_merged()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 2 * Huge, MemslotFlags.LogDirtyPages, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 511; i++) cpu.Store(Base + i * Page, i);
        for (ulong i = 512; i < 1024; i++) cpu.Store(Base + i * Page, i);
        f.Memory.Protect(hva + 600 * Page, Page, VmaProtection.Read);
        cpu.Load<ulong>(Base + 600 * Page);
        f.SetSlot(0, Base, 2 * Huge, hva);
        if (mmu == MmuKind.Tdp)
        {
            Assert.Equal(0, f.Vm.Mmu.Counters.HugeMerges);
            Assert.Equal(1023, f.LeafCount());
        }
        else
        {
            // Where the host has one huge frame, what was never touched is no hindrance; the block it maps page by page stays as it is.
            Assert.Equal(1, f.Vm.Mmu.Counters.HugeMerges);
            Assert.Equal(512, f.LeafCount());
        }
        cpu.Store(Base + 700 * Page, 1UL);
        f.Verify();
    }
}

public sealed class HugePageTestsWithTdp() : HugePageTests(MmuKind.Tdp);

public sealed class HugePageTestsWithShadow() : HugePageTests(MmuKind.Shadow);
