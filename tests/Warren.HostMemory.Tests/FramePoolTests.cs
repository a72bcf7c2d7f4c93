using System.Threading;

namespace Warren.HostMemory.Tests;

public sealed unsafe class FramePoolTests
{
    private static bool IsZero(FramePool pool, Pfn frame) =>
        new ReadOnlySpan<byte>(pool.Pointer(frame), FramePool.PageSize).IndexOfAnyExcept((byte)0) < 0;

    private static void Fill(FramePool pool, Pfn frame) => new Span<byte>(pool.Pointer(frame), FramePool.PageSize).Fill(0xaa);

    [Fact]
    public void Frames_are_zero_distinct_and_never_number_zero()
    {
        using var pool = new FramePool(8 << 20);
        var seen = new HashSet<Pfn>();
        for (var i = 0; i < 2000; i++)
        {
            var frame = pool.AllocateZeroed(null);
            Assert.InRange(frame.Value, 1, pool.Capacity - 1);
            Assert.True(seen.Add(frame));
            Assert.True(IsZero(pool, frame));
            Assert.Equal(1, pool.Info(frame).RefCount);
            Fill(pool, frame);
        }

        Assert.Equal(2000, pool.FramesInUse);
        foreach (var frame in seen)
            pool.Put(frame);
        Assert.Equal(0, pool.FramesInUse);
        for (var i = 0; i < 2000; i++)
            Assert.True(IsZero(pool, pool.AllocateZeroed(null)), "a reused frame is cleared");
    }

    [Fact]
    public void Exhaustion_is_a_typed_exception_and_loses_nothing()
    {
        using var pool = new FramePool(4 << 20);
        var frames = new List<Pfn>();
        while (pool.TryAllocate(null, zeroed: true, out var frame) == AllocationStatus.Ok)
            frames.Add(frame);
        Assert.Throws<OutOfFramesException>(() => pool.AllocateZeroed(null));
        Assert.Equal(pool.Capacity - 1, frames.Count);
        Assert.Equal(Pfn.None, pool.AllocateBlock(null));
        frames.ForEach(pool.Put);
        Assert.Equal(0, pool.FramesInUse);
        // Whole blocks come together again: all but the one with frame 0.
        var block = pool.AllocateBlock(null);
        Assert.Equal(new Pfn(512), block);
        Assert.Equal(Pfn.None, pool.AllocateBlock(null));
        for (var i = 0; i < 512; i++)
        {
            Assert.True(IsZero(pool, block + i));
            pool.Put(block + i);
        }

        Assert.Equal(0, pool.FramesInUse);
    }

    [Fact]
    public void A_budget_bounds_and_is_credited_when_the_last_reference_goes()
    {
        using var pool = new FramePool(16 << 20);
        using var budget = new MemoryBudget(3 * FramePool.PageSize);
        var a = pool.AllocateZeroed(budget);
        var b = pool.AllocateZeroed(budget);
        var c = pool.AllocateZeroed(budget);
        Assert.Throws<OutOfBudgetException>(() => pool.AllocateZeroed(budget));
        Assert.Equal(Pfn.None, pool.AllocateBlock(budget));
        Assert.Equal(3 * FramePool.PageSize, budget.Charged);
        pool.Get(a);
        pool.Put(a);
        Assert.Equal(3 * FramePool.PageSize, budget.Charged);
        pool.Put(a);
        Assert.Equal(2 * FramePool.PageSize, budget.Charged);
        var d = pool.AllocateZeroed(budget);
        foreach (var frame in new[] { b, c, d })
            pool.Put(frame);
        Assert.Equal(0, budget.Charged);
        Assert.Equal(3 * FramePool.PageSize, budget.Peak);
        using var large = new MemoryBudget(2 << 20);
        var block = pool.AllocateBlock(large);
        Assert.False(block.IsNone);
        Assert.Throws<OutOfBudgetException>(() => pool.AllocateZeroed(large));
        pool.PutRange(block, 512);
        Assert.Equal(0, large.Charged);
    }

    [Fact]
    public void A_disposed_budget_lives_until_its_last_frame_and_its_number_is_reused_only_then()
    {
        using var pool = new FramePool(4 << 20);
        var old = new MemoryBudget(1 << 20);
        var frame = pool.AllocateZeroed(old);
        old.Dispose();
        Assert.Throws<OutOfBudgetException>(() => pool.AllocateZeroed(old));
        using var other = new MemoryBudget(1 << 20);
        Assert.NotEqual(old.Id, other.Id);
        pool.Put(frame);
        Assert.Equal(0, old.Charged);
        Assert.Equal(0, other.Charged);
    }

    [Fact]
    public void Freeing_makes_decoded_code_stale()
    {
        using var pool = new FramePool(4 << 20);
        var frame = pool.AllocateZeroed(null);
        var clean = pool.Info(frame).CodeState;
        pool.Info(frame).CodeState = clean | 1;
        pool.Put(frame);
        Assert.NotEqual(clean | 1, pool.Info(frame).CodeState);
        Assert.Equal(0, pool.Info(frame).CodeState & 1);
        Assert.Equal(clean + 2, pool.Info(frame).CodeState);
        Assert.Equal(2, FrameInfo.NextGeneration(0));
        Assert.Equal(0, FrameInfo.NextGeneration(-1));
    }

    [Fact]
    public void Freed_memory_goes_back_to_the_host()
    {
        using var pool = new FramePool(64 << 20);
        var frames = Enumerable.Range(0, 10_000).Select(_ => pool.AllocateZeroed(null)).ToArray();
        foreach (var frame in frames)
            Fill(pool, frame);
        foreach (var frame in frames)
            pool.Put(frame);
        Assert.InRange(pool.FramesKept, 0, FramePool.KeepLimit);
        Assert.True(pool.FramesReturned >= frames.Length - FramePool.KeepLimit);
        pool.Trim();
        Assert.Equal(0, pool.FramesKept);
        Assert.Equal(frames.Length, pool.FramesReturned);
        // What was returned reads zero without having been cleared.
        Assert.True(frames.All(frame => IsZero(pool, frame)));
    }

    [Fact]
    public void Residency_follows_what_is_touched()
    {
        using var pool = new FramePool(1L << 30);
        var before = ResidentBytes();
        var blocks = Enumerable.Range(0, 256).Select(_ => pool.AllocateBlock(null)).ToArray();
        foreach (var block in blocks)
            *pool.Pointer(block) = 1;
        // 512 MiB handed out, one page of each block touched, plus 16 bytes of metadata a frame.
        Assert.InRange(ResidentBytes() - before, 0, 64 << 20);
        foreach (var block in blocks)
            pool.PutRange(block, 512);
        Assert.Equal(0, pool.FramesInUse);
    }

    [Fact]
    public void Threads_allocate_and_free_without_sharing_a_frame()
    {
        using var pool = new FramePool(32 << 20);
        using var budget = new MemoryBudget(24 << 20);
        Parallelism.Run(4, t =>
        {
            var random = new Random(t);
            var mine = new List<Pfn>();
            for (var i = 0; i < 20_000; i++)
            {
                var action = random.Next(20);
                if (action == 0)
                {
                    var block = pool.AllocateBlock(budget);
                    for (var f = 0; !block.IsNone && f < 512; f++)
                        mine.Add(block + f);
                }
                else if (action < 10 && pool.TryAllocate(budget, zeroed: true, out var frame) == AllocationStatus.Ok)
                {
                    mine.Add(frame);
                    Assert.Equal(0, *(long*)pool.Pointer(frame));
                    *(long*)pool.Pointer(frame) = t + 1;
                }
                else if (mine.Count > 0)
                {
                    for (var n = mine.Count > 1500 ? 600 : 1; n > 0; n--)
                    {
                        frame = mine[^1];
                        mine.RemoveAt(mine.Count - 1);
                        var owner = *(long*)pool.Pointer(frame);
                        Assert.True(owner == 0 || owner == t + 1, "another thread wrote to our frame");
                        *(long*)pool.Pointer(frame) = t + 1;
                        pool.Put(frame);
                    }
                }
            }

            mine.ForEach(pool.Put);
        });
        Assert.Equal(0, pool.FramesInUse);
        Assert.Equal(0, budget.Charged);
    }

    private static long ResidentBytes()
    {
        var pages = File.ReadAllText("/proc/self/statm").Split(' ')[1];
        return long.Parse(pages, System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }
}

internal static class Parallelism
{
    /// <summary>Runs the body on several threads and rethrows the first failure.</summary>
    internal static void Run(int count, Action<int> body)
    {
        Exception? failure = null;
        var threads = Enumerable.Range(0, count).Select(t => new Thread(() =>
        {
            try
            {
                body(t);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        })
        { IsBackground = true }).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            Assert.True(thread.Join(TimeSpan.FromSeconds(120)), "a thread hangs");
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }
}
