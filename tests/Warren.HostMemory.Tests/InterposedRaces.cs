using Warren.Locking;

namespace Warren.HostMemory.Tests;

/// <summary>
/// Races placed on purpose: a hook runs another thread's whole operation exactly before one atomic step of ours. Scripts
/// for child processes with checking on.
/// </summary>
internal static class InterposedRaces
{
    private const ulong Page = 4096;

    /// <summary>We read an entry; before we take its frame, the page is discarded and the frame goes to another page.</summary>
    internal static unsafe void FrameReusedWhileFaulting()
    {
        using var memory = new TestMemory();
        var a = memory.Space.Map(2 * Page, VmaProtection.Write, hugePages: false);
        var b = a + Page;
        memory.WriteByte(a, 0x11);
        var frame = FrameOf(memory, a);
        var hook =
            new Interposer(CheckOperation.AtomicUpdate,
                (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref memory.Pool.Info(frame).RefCount), () =>
        {
            memory.Space.Discard(a, Page);
            memory.WriteByte(b, 0x22);
            Assert.Equal(frame, FrameOf(memory, b));
        });
        Assert.Equal(0, hook.During(() => memory.ReadByte(a)));
        Assert.Equal(0x22, memory.ReadByte(b));
        Assert.Equal(2, memory.Pool.FramesInUse);
    }

    /// <summary>The same, but the frame is simply free when we come to take it.</summary>
    internal static unsafe void EntryDiscardedBeforeItsFrameIsTaken()
    {
        using var memory = new TestMemory();
        var a = memory.Space.Map(Page, VmaProtection.Write);
        memory.WriteByte(a, 0x11);
        var frame = FrameOf(memory, a);
        var hook =
            new Interposer(CheckOperation.AtomicRead,
                (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref memory.Pool.Info(frame).RefCount),
            () => memory.Space.Discard(a, Page));
        Assert.Equal(0, hook.During(() => memory.ReadByte(a)));
    }

    /// <summary>We found a block; before we take our page's frame, the block is split and that page is discarded.</summary>
    internal static unsafe void BlockSplitWhileFaulting()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(512 * Page, VmaProtection.Write);
        var a = hva + (5 * Page);
        memory.WriteByte(a, 0x11);
        memory.WriteByte(hva, 0x33);
        var frame = FrameOf(memory, a);
        var hook =
            new Interposer(CheckOperation.AtomicUpdate,
                (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref memory.Pool.Info(frame).RefCount), () =>
        {
            memory.Space.Discard(a, Page);
        });
        Assert.Equal(0, hook.During(() => memory.ReadByte(a)));
        Assert.Equal(0x33, memory.ReadByte(hva));
        Assert.Equal(512, memory.Pool.FramesInUse);
    }

    /// <summary>We are about to put our copy of a shared page in its place; before that, the page is discarded.</summary>
    internal static unsafe void CopyOvertakenByDiscard()
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)0x44, 4096)]);
        try
        {
            using var memory = new TestMemory();
            using var file = FileImage.Open(path);
            var a = memory.Space.MapFile(file, 0, Page, VmaProtection.Write);
            Assert.Equal(0x44, memory.ReadByte(a));
            var notifier = new RecordingNotifier();
            memory.Space.Notifiers.Register(notifier);
            notifier.Add(memory.Space, a, Page);
            var hook = new Interposer(CheckOperation.AtomicUpdate, null, () => memory.Space.Discard(a, Page));
            // From the start of the copy's notification on, the next atomic update is the one of the entry.
            notifier.OnStart = range =>
            {
                hook.Arm();
                return true;
            };
            hook.During(() =>
            {
                memory.WriteByte(a + 1, 0x55);
                return 0;
            });
            Assert.Equal(0x44, memory.ReadByte(a));
            Assert.Equal(0x55, memory.ReadByte(a + 1));
            Assert.Equal(0, notifier.Open);
            Assert.Null(notifier.Violation);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Pfn FrameOf(TestMemory memory, Hva hva)
    {
        Assert.Equal(FaultStatus.Ok, memory.Space.Fault(hva, write: false, out var m));
        memory.Pool.Put(m.Pfn);
        return m.Pfn;
    }

    private sealed class Interposer(CheckOperation operation, nint? address, Action other) : CheckHook
    {
        private int _victim;
        private bool _armed;
        private bool _done;

        internal void Arm() => _armed = !_done;

        internal T During<T>(Func<T> body)
        {
            var before = Check.Install(this);
            _victim = Environment.CurrentManagedThreadId;
            _armed = address is not null;
            var result = body();
            Check.Install(before);
            Assert.True(_done, "the step to interpose before never came");
            return result;
        }

        public override void Before(in CheckStep step)
        {
            if (!_armed || Environment.CurrentManagedThreadId != _victim || step.Operation != operation
                || (address is { } a && (step.Instance is not null || step.Offset != a)))
            {
                return;
            }
            _armed = false;
            _done = true;
            Parallelism.Run(1, _ => other());
        }

        public override bool Wait(in CheckStep step) => false;

        public override void After(in CheckStep step, bool succeeded)
        {
        }

        public override bool Offload(Action work) => false;
    }
}
