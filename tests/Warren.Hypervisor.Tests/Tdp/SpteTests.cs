using Warren.HostMemory;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tests.Tdp;

public sealed class SpteTests
{
    [Theory]
    [InlineData(1, true, true, true, false)]
    [InlineData(int.MaxValue, true, false, true, false)]
    [InlineData(512, false, true, true, true)]
    [InlineData(77, true, true, false, false)]
    public void A_leaf_gives_back_what_it_was_made_of(int frame, bool host, bool mmu, bool write, bool huge)
    {
        var leaf = Spte.ForLeaf(new Pfn(frame), host, mmu, write, huge);
        Assert.Equal(frame, leaf.Pfn.Value);
        Assert.True(leaf.IsLeaf && leaf.IsPresent && !leaf.IsTable && !leaf.IsMmio && !leaf.IsFrozen && !leaf.IsNone);
        Assert.Equal(huge, leaf.IsHuge);
        Assert.Equal(host, leaf.HostWritable);
        Assert.Equal(host && mmu, leaf.MmuWritable);
        Assert.Equal(host && mmu && write, leaf.Writable);
        Assert.False(leaf.Accessed || leaf.Dirty);
    }

    [Fact]
    public void Splitting_keeps_rights_and_counts_frames_up()
    {
        var huge = Spte.ForLeaf(new Pfn(1024), true, true, true, true).With(Spte.A | Spte.D);
        for (var i = 0; i < 512; i++)
        {
            var page = huge.SplitPage(i);
            Assert.Equal(1024 + i, page.Pfn.Value);
            Assert.True(page is { IsLeaf: true, IsHuge: false, Writable: true, Accessed: true, Dirty: true });
        }
    }

    [Fact]
    public void Frozen_none_and_mmio_are_not_present_and_not_each_other()
    {
        Assert.False(Spte.Frozen.IsPresent || Spte.Frozen.IsNone || Spte.Frozen.IsMmio);
        var mmio = Spte.ForMmio(VirtualMachine.EndGfn - 1, Spte.R | Spte.X, ulong.MaxValue);
        Assert.False(mmio.IsPresent || mmio.IsNone || mmio.IsFrozen);
        Assert.Equal((1UL << Spte.MmioGenerationBits) - 1, mmio.MmioGeneration);
        Assert.Equal(VirtualMachine.EndGfn - 1, mmio.MmioGfn);
        Assert.Equal(Spte.R | Spte.X, mmio.Raw & Spte.Rights);
        Assert.Equal(0UL, Spte.ForMmio(new Gfn(7), Spte.Rights, 1UL << Spte.MmioGenerationBits).MmioGeneration);
    }

    [Fact]
    public unsafe void A_table_entry_gives_back_the_address()
    {
        var table = (ulong*)0x7fff_ffff_f000;
        Assert.True(Spte.ForTable(table).Table == table);
        Assert.True(Spte.ForTable(table) is { IsTable: true, IsPresent: true, IsLeaf: false });
    }
}
