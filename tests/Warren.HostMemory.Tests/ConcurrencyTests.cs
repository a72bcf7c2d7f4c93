using System.Threading;

namespace Warren.HostMemory.Tests;

public sealed class ConcurrencyTests
{
    private const ulong Page = 4096;

    /// <summary>
    /// Each thread owns every fourth page and knows what it must read, while all of them split, discard and re-fault the same blocks and
    /// map, unmap and protect beside them.
    /// </summary>
    [Fact]
    public void Threads_that_share_blocks_keep_their_own_pages()
    {
        using var memory = new TestMemory(256 << 20);
        const int pages = 2048;
        var hva = memory.Space.Map(pages * Page, VmaProtection.Write);
        Parallelism.Run(4, t =>
        {
            var random = new Random(t);
            var known = new byte[pages];
            for (var i = 0; i < 6000; i++)
            {
                var page = (random.Next(pages / 4) * 4) + t;
                var at = hva + ((ulong)page * Page);
                switch (random.Next(12))
                {
                    case 0:
                        memory.Space.Discard(at, Page);
                        known[page] = 0;
                        break;
                    case 1:
                        memory.Space.Protect(at, Page, VmaProtection.Read);
                        Assert.Equal(FaultStatus.Protection, memory.Space.Fault(at, write: true, out _));
                        memory.Space.Protect(at, Page, VmaProtection.Write);
                        break;
                    case 2:
                        var other = memory.Space.Map(Page * 3, VmaProtection.Write);
                        memory.WriteByte(other + Page, 1);
                        memory.Space.Unmap(other, Page * 3);
                        break;
                    case < 7:
                        known[page] = (byte)random.Next(1, 256);
                        memory.WriteByte(at, known[page]);
                        break;
                    default:
                        Assert.Equal(known[page], memory.ReadByte(at));
                        break;
                }
            }
        });
    }

    /// <summary>A frame obtained by a fault stays ours, and is nobody else's, until it is put, whatever happens to its mapping.</summary>
    [Fact]
    public unsafe void A_faulted_frame_is_not_reused_while_referenced()
    {
        using var memory = new TestMemory(8 << 20);
        const int pages = 16;
        var hva = memory.Space.Map(pages * Page, VmaProtection.Write, hugePages: false);
        Parallelism.Run(4, t =>
        {
            var random = new Random(t);
            for (var i = 0; i < 20_000; i++)
            {
                var at = hva + ((ulong)random.Next(pages) * Page);
                if (t == 0)
                {
                    memory.Space.Discard(at, Page);
                    continue;
                }

                Assert.Equal(FaultStatus.Ok, memory.Space.Fault(at, write: true, out var m));
                var tag = (long)(at.Value << 8);
                // Every holder of this page writes the same tag; a fresh frame is zero. Anything else: two pages in one frame.
                var found = Interlocked.CompareExchange(ref *(long*)memory.Pool.Pointer(m.Pfn), tag, 0);
                Assert.True(found == 0 || found == tag, "a frame serves two pages");
                Assert.True(memory.Pool.Info(m.Pfn).RefCount > 0);
                Assert.Equal(tag, Volatile.Read(ref *(long*)memory.Pool.Pointer(m.Pfn)));
                memory.Pool.Put(m.Pfn);
            }
        });
    }

    [Fact]
    public void Concurrent_copies_of_one_page_make_one_copy()
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, [.. Enumerable.Range(0, 64 * 4096).Select(i => (byte)(i / 4096))]);
        try
        {
            using var memory = new TestMemory();
            using var file = FileImage.Open(path);
            for (var round = 0; round < 20; round++)
            {
                var hva = memory.Space.MapFile(file, 0, 64 * Page, VmaProtection.Write);
                for (ulong i = 0; i < 64; i++)
                    Assert.Equal((byte)i, memory.ReadByte(hva + (i * Page)));
                Parallelism.Run(3, t =>
                {
                    for (ulong i = 0; i < 64; i++)
                        memory.WriteByte(hva + (i * Page) + (ulong)t + 1, (byte)(t + 100));
                });
                for (ulong i = 0; i < 64; i++)
                {
                    var head = new byte[4];
                    memory.Space.Read(hva + (i * Page), head);
                    Assert.Equal([(byte)i, 100, 101, 102], head);
                }

                memory.Space.Unmap(hva, 64 * Page);
            }

            Assert.Equal(20 * 64, memory.Space.Statistics.CowBreaks);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Running_out_fails_the_fault_and_loses_nothing()
    {
        using var memory = new TestMemory(64 << 20, new MemoryBudget(40 * 4096));
        var hva = memory.Space.Map(4 << 20, VmaProtection.Write);
        var written = 0;
        var failure = Assert.Throws<OutOfBudgetException>(() =>
        {
            for (; written < 1024; written++)
                memory.WriteByte(hva + ((ulong)written * Page), (byte)(written + 1));
        });
        Assert.Equal(Errno.ENOMEM, failure.Errno);
        Assert.Equal(40, written);
        Assert.Equal(FaultStatus.OutOfMemory, memory.Space.Fault(hva + (100 * Page), write: true, out _));
        for (var i = 0; i < written; i++)
            Assert.Equal((byte)(i + 1), memory.ReadByte(hva + ((ulong)i * Page)));
        // Room made is room found.
        memory.Space.Discard(hva, Page);
        memory.WriteByte(hva + (100 * Page), 7);
        Assert.Throws<OutOfBudgetException>(() => memory.WriteByte(hva, 1));
    }

    [Fact]
    public void An_exhausted_pool_fails_the_fault_and_recovers()
    {
        using var memory = new TestMemory(4 << 20);
        var hva = memory.Space.Map(16 << 20, VmaProtection.Write);
        var written = 0UL;
        Assert.Throws<OutOfFramesException>(() =>
        {
            for (; written < 4096; written++)
                memory.WriteByte(hva + (written * Page), 1);
        });
        // One block as such, the rest as single frames: all but frame 0.
        Assert.Equal((ulong)memory.Pool.Capacity - 1, written);
        memory.Space.Discard(hva, 16 << 20);
        Assert.Equal(0, memory.Pool.FramesInUse);
        memory.WriteByte(hva + (8 << 20), 2);
    }

    [Fact]
    public void Faults_allocate_nothing_on_the_managed_heap()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(2048 * Page, VmaProtection.Write, hugePages: false);
        memory.WriteByte(hva, 1);
        memory.Space.Discard(hva, Page);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong i = 0; i < 2048; i++)
        {
            memory.Space.Fault(hva + (i * Page), write: true, out var m);
            memory.Pool.Put(m.Pfn);
            memory.Space.Discard(hva + (i * Page), Page);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
