namespace Warren.HostMemory.Tests;

public sealed class AddressSpaceTests
{
    private const ulong Page = 4096;
    private const ulong Block = 2 << 20;

    [Fact]
    public void Anonymous_memory_reads_zero_and_keeps_what_is_written()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(16 * Page, VmaProtection.Read | VmaProtection.Write);
        Assert.Equal(0, memory.ReadByte(hva + 5000));
        var data = Enumerable.Range(0, 9000).Select(i => (byte)(i * 7)).ToArray();
        memory.Space.Write(hva + 100, data);
        var back = new byte[data.Length];
        memory.Space.Read(hva + 100, back);
        Assert.Equal(data, back);
    }

    [Fact]
    public void A_huge_mapping_is_backed_by_one_block_at_first_touch()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(2 * Block, VmaProtection.Write);
        Assert.Equal(0UL, hva.Value % Block);
        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva + (3 * Page), write: false, out var m));
        Assert.Equal(9, m.Order);
        Assert.True(m.Writable);
        Assert.Equal(3, m.Pfn.IndexInBlock);
        Assert.Equal(512, memory.Pool.FramesInUse);
        memory.Pool.Put(m.Pfn);
        Assert.Equal(1, memory.Space.Statistics.HugeFaults);
    }

    [Fact]
    public void A_partial_discard_splits_the_block_and_the_rest_stays()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(Block, VmaProtection.Write);
        memory.WriteByte(hva, 1);
        memory.WriteByte(hva + (7 * Page), 2);
        memory.Space.Discard(hva + (7 * Page), Page);
        Assert.Equal(511, memory.Pool.FramesInUse);
        Assert.Equal(1, memory.ReadByte(hva));
        Assert.Equal(0, memory.ReadByte(hva + (7 * Page)));
        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva, write: true, out var m));
        Assert.Equal(0, m.Order);
        memory.Pool.Put(m.Pfn);
    }

    [Fact]
    public void Protecting_part_of_a_block_gives_each_page_its_own_rights()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(Block, VmaProtection.Write);
        memory.WriteByte(hva + Page, 9);
        memory.Space.Protect(hva + Page, Page, VmaProtection.Read);
        Assert.Equal(3, memory.Space.VmaCount);
        Assert.Equal(FaultStatus.Protection, memory.Space.Fault(hva + Page, write: true, out _));
        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva + Page, write: false, out var m));
        Assert.False(m.Writable);
        Assert.Equal(0, m.Order);
        memory.Pool.Put(m.Pfn);
        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva, write: true, out m));
        Assert.Equal(0, m.Order);
        memory.Pool.Put(m.Pfn);
        memory.Space.Protect(hva + Page, Page, VmaProtection.Write);
        Assert.Equal(1, memory.Space.VmaCount);
        memory.WriteByte(hva + Page, 10);
        Assert.Equal(10, memory.ReadByte(hva + Page));
        memory.Space.Protect(hva, Page, VmaProtection.None);
        Assert.Equal(FaultStatus.Protection, memory.Space.Fault(hva, write: false, out _));
        Assert.Equal(Errno.EFAULT, memory.ErrnoOf(s => s.Read(hva, new byte[1])));
    }

    [Fact]
    public void Unmapping_frees_frames_and_page_tables()
    {
        using var memory = new TestMemory();
        var before = memory.Space.PageTables;
        var hva = memory.Space.Map(3 * Block, VmaProtection.Write, hugePages: false);
        for (ulong i = 0; i < 3; i++)
            memory.WriteByte(hva + (i * Block), 1);
        Assert.Equal(3, memory.Pool.FramesInUse);
        memory.Space.Unmap(hva + Block, Block);
        Assert.Equal(2, memory.Pool.FramesInUse);
        Assert.Equal(FaultStatus.NoVma, memory.Space.Fault(hva + Block, write: false, out _));
        Assert.Equal(2, memory.Space.VmaCount);
        memory.Space.Unmap(hva, 3 * Block);
        Assert.Equal(0, memory.Pool.FramesInUse);
        Assert.Equal(0, memory.Space.VmaCount);
        Assert.True(memory.Space.PageTables <= before + 2, "tables of the unmapped range are freed");
        Assert.Equal(Errno.EFAULT, memory.ErrnoOf(s => s.Write(hva, [1])));
    }

    [Fact]
    public void Bad_ranges_are_refused_with_their_errno_and_change_nothing()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(4 * Page, VmaProtection.Write, hugePages: false);
        memory.WriteByte(hva, 3);
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.Map(0, VmaProtection.Read)));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.Map(ulong.MaxValue, VmaProtection.Read)));
        Assert.Equal(Errno.ENOMEM, memory.ErrnoOf(s => s.Map(AddressSpace.AddressLimit.Value, VmaProtection.Read)));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.Unmap(hva + 1, Page)));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.Unmap(hva, 0)));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.Discard(AddressSpace.AddressLimit - Page, 2 * Page)));
        Assert.Equal(Errno.ENOMEM, memory.ErrnoOf(s => s.Protect(hva, 5 * Page, VmaProtection.Read)));
        memory.WriteByte(hva, 4);
        Assert.Equal(Errno.ENOMEM, memory.ErrnoOf(s => s.Discard(hva + (3 * Page), 2 * Page)));
        Assert.Equal(4, memory.ReadByte(hva));
        Assert.Equal(FaultStatus.NoVma, memory.Space.Fault(new Hva(ulong.MaxValue), write: true, out _));
        Assert.Equal(FaultStatus.NoVma, memory.Space.Fault(new Hva(0), write: false, out _));
    }

    [Fact]
    public void A_hint_is_taken_when_free_and_only_then()
    {
        using var memory = new TestMemory();
        const ulong wanted = 0x5000_0000;
        Assert.Equal(new Hva(wanted), memory.Space.Map(Page, VmaProtection.Read, new Hva(wanted)));
        Assert.NotEqual(new Hva(wanted), memory.Space.Map(Page, VmaProtection.Read, new Hva(wanted)));
        Assert.NotEqual(new Hva(wanted + 1), memory.Space.Map(Page, VmaProtection.Read, new Hva(wanted + 1)));
    }

    [Fact]
    public void After_disposal_everything_fails_cleanly()
    {
        var memory = new TestMemory();
        var hva = memory.Space.Map(Page, VmaProtection.Write);
        memory.WriteByte(hva, 1);
        memory.Dispose();
        Assert.Equal(FaultStatus.NoVma, memory.Space.Fault(hva, write: false, out _));
        Assert.Equal(Errno.EINVAL, memory.ErrnoOf(s => s.Map(Page, VmaProtection.Read)));
        Assert.Equal(Errno.ENOMEM, memory.ErrnoOf(s => s.Discard(hva, Page)));
        Assert.True(memory.Space.ReapNonBlocking(hva, Page));
        Assert.Equal(0, memory.Space.Age(hva, Page, clear: true));
        memory.Space.Unmap(hva, Page);
        memory.Space.Dispose();
    }
}
