using Warren.Locking;

namespace Warren.Lab;

/// <summary>The primitives by themselves.</summary>
internal static class PrimitiveCorpus
{
    private static readonly LockClass SrcuClass = new("lab_srcu", WaitContext.Free);
    private static readonly LockClass SequenceClass = new("lab_sequence", WaitContext.Free);
    private static readonly LockClass WriterClass = new("lab_writer", WaitContext.Spin);
    private static readonly LockClass SemaphoreClass = new("lab_semaphore", WaitContext.Sleep);

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("srcu-two-updates", "A reader enters while two updaters replace what it reads.", s =>
        {
            var srcu = new Srcu(SrcuClass);
            var box = new Box();
            s.Thread("reader", () => Read(s, srcu, box));
            s.Thread("updater 1", () => Replace(srcu, box));
            s.Thread("updater 2", () => Replace(srcu, box));
        }),
        new DelegateScenario("sequence-count", "A reader copies two words that a writer changes together.", s =>
        {
            var sequence = new SequenceCount(SequenceClass);
            var writers = new SpinLock(WriterClass);
            var pair = new Pair();
            s.Thread("writer", () =>
            {
                writers.Lock();
                sequence.WriteBegin();
                Atomics.Write(ref pair.First, 1, pair);
                Atomics.Write(ref pair.Second, 1, pair);
                sequence.WriteEnd();
                writers.Unlock();
            });
            s.Thread("reader", () =>
            {
                uint begun;
                int first, second;
                do
                {
                    begun = sequence.ReadBegin();
                    first = Atomics.Read(ref pair.First, pair);
                    second = Atomics.Read(ref pair.Second, pair);
                }
                while (sequence.ReadRetry(begun));
                if (first != second)
                    s.Fail(VerdictKind.TornRead, $"The reader used {first} and {second}, which never were there together.");
            });
        }),
        new DelegateScenario("downgrade-vs-writer", "A writer turns its hold into a read hold while another writer waits.", s =>
        {
            var semaphore = new RwSemaphore(SemaphoreClass);
            var pair = new Pair();
            s.Thread("downgrades", () =>
            {
                semaphore.DownWrite();
                pair.First = 1;
                semaphore.DowngradeWrite();
                if (pair.First != 1)
                    s.Fail(VerdictKind.Invariant, "Another writer got in between the write hold and the read hold it was turned into.");
                semaphore.UpRead();
            });
            s.Thread("writes", () =>
            {
                semaphore.DownWrite();
                pair.First = 2;
                semaphore.UpWrite();
            });
        }),
    ];

    private static void Read(Schedule s, Srcu srcu, Box box)
    {
        var idx = srcu.ReadLock();
        var item = Atomics.Read(ref box.Item, box);
        if (Atomics.Read(ref item.Freed, item) != 0)
            s.Fail(VerdictKind.UseAfterFree, "A reader is inside its section and holds what a grace period has freed.");
        srcu.ReadUnlock(idx);
    }

    private static void Replace(Srcu srcu, Box box)
    {
        var old = Atomics.Exchange(ref box.Item, new Item(), box);
        srcu.Synchronize();
        Atomics.Write(ref old.Freed, 1, old);
    }

    private sealed class Item
    {
        public int Freed;
    }

    private sealed class Box
    {
        public Item Item = new();
    }

    private sealed class Pair
    {
        public int First;
        public int Second;
    }
}
