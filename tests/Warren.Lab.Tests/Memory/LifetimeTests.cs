using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab.Tests.Memory;

/// <summary>Uses of what a grace period, or the frame pool, has taken away; and notifications that do not balance.</summary>
public sealed class LifetimeTests
{
    private static readonly LockClass Free = new("test_srcu", WaitContext.Free);

    private sealed class Root
    {
        internal object? Node;
    }

    private sealed class Node
    {
        internal int Value = 1;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_object_retired_without_a_grace_period_is_used_after_that(bool waits)
    {
        Action<Schedule> build = s =>
        {
            var (srcu, root) = (new Srcu(Free), new Root { Node = new Node() });
            s.Thread("reader", () =>
            {
                var idx = srcu.ReadLock();
                if (Atomics.Read(ref root.Node, root) is Node node)
                    Atomics.Read(ref node.Value, node);
                srcu.ReadUnlock(idx);
            });
            s.Thread("updater", () =>
            {
                var old = Atomics.Exchange(ref root.Node, null, root);
                if (waits)
                    srcu.Synchronize();
                Check.Mark(LockingMarks.Retired, old);
            });
        };
        if (waits)
            Explored.Clean(build);
        else
            Assert.Contains("Node", Explored.Found(VerdictKind.UseAfterFree, build).Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_callback_queued_by_Call_runs_behind_the_readers(bool deferred) => Watch(deferred, s =>
    {
        var (srcu, root) = (new Srcu(Free), new Root { Node = new Node() });
        s.Thread("reader", () =>
        {
            var idx = srcu.ReadLock();
            if (Atomics.Read(ref root.Node, root) is Node node)
                Shared.Read(ref node.Value, node);
            srcu.ReadUnlock(idx);
        });
        s.Thread("updater", () =>
        {
            var old = Atomics.Exchange(ref root.Node, null, root);
            Action<object?> retire = static o => Check.Mark(LockingMarks.Retired, o);
            if (deferred)
                srcu.Call(retire, old);
            else
                retire(old);
        });
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public unsafe void Native_memory_is_watched_by_address_until_it_is_handed_out_again(bool reused) => Watch(reused, s =>
    {
        var memory = (nint)NativeMemory.AllocZeroed(64);
        s.Cleanup(() => NativeMemory.Free((void*)memory));
        s.Thread("user", () =>
        {
            Check.Mark(LockingMarks.Retired, null, memory, 64);
            if (reused)
                Check.Mark(LockingMarks.Reused, null, memory, 64);
            Atomics.Increment(ref *(int*)(memory + 32));
        });
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public unsafe void A_frame_may_be_touched_while_somebody_holds_it(bool holds) => Watch(holds, s =>
    {
        var pool = new FramePool(4 << 20);
        s.Cleanup(pool.Dispose);
        s.Thread("user", () =>
        {
            var frame = pool.AllocateZeroed(null);
            if (holds)
                pool.Get(frame);
            pool.Put(frame);
            Atomics.Read(ref *(int*)(pool.Pointer(frame) + 8));
        });
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Notifications_balance(bool ends)
    {
        Action<Schedule> build = s =>
        {
            var pool = new FramePool(4 << 20);
            var memory = new AddressSpace(pool);
            s.Cleanup(() =>
            {
                memory.Dispose();
                pool.Dispose();
            });
            s.Thread("invalidation", () =>
            {
                Check.Mark(HostMemoryMarks.InvalidationStarted, memory.Notifiers, 0x1000, 0x2000);
                if (ends)
                    Check.Mark(HostMemoryMarks.InvalidationEnded, memory.Notifiers, 0x1000, 0x2000);
                else
                    Check.Mark(HostMemoryMarks.InvalidationRefused, memory.Notifiers, 0x1000, 0x2000);
            });
        };
        if (ends)
            Explored.Clean(build);
        else
            Explored.Found(VerdictKind.UnbalancedNotification, build);
    }

    [Fact]
    public void An_end_without_a_start_is_found() => Explored.Found(VerdictKind.UnbalancedNotification, s =>
        s.Thread("invalidation", () => Check.Mark(HostMemoryMarks.InvalidationEnded, s, 0x1000, 0x2000)));

    private static void Watch(bool right, Action<Schedule> build)
    {
        if (right)
            Explored.Clean(build);
        else
            Explored.Found(VerdictKind.UseAfterFree, build);
    }
}
