using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The primitives alone: small programs over Warren.Locking, which keeps nothing by thread.</summary>
internal static class PrimitiveScenarios
{
    private static readonly LockClass SpinClass = new("lab_spin", WaitContext.Spin);
    private static readonly LockClass RwClass = new("lab_rwlock", WaitContext.Spin);
    private static readonly LockClass SemaphoreClass = new("lab_rwsem", WaitContext.Sleep);
    private static readonly LockClass MutexClass = new("lab_mutex", WaitContext.Sleep);
    private static readonly LockClass SrcuClass = new("lab_srcu", WaitContext.Free);
    private static readonly LockClass WaitClass = new("lab_wait", WaitContext.Sleep);
    private static readonly LockClass SequenceClass = new("lab_seqcount", WaitContext.Free, SpinClass);

    private static DelegateScenario Over(string name, string summary, Action<Schedule> build, string? explanation = null) =>
        new(name, summary, build, explanation) { StateByThread = false };

    public static IEnumerable<Scenario> All =>
    [
        Over("spinlock-exclusion", "Three threads add to a number under a spinning lock.", s =>
        {
            var l = new SpinLock(SpinClass);
            var sum = new Number();
            for (var i = 0; i < 3; i++)
            {
                s.Thread($"thread{i}", () =>
                {
                    l.Lock();
                    sum.Increment();
                    l.Unlock();
                });
            }

            s.AtEnd("nothing is lost", () => sum.Peek() == 3 ? null : $"3 additions made {sum.Peek()}");
        }),
        Over("spinlock-trylock", "A try meets a holder: it fails, or it has the lock.", s =>
        {
            var l = new SpinLock(SpinClass);
            var sum = new Number();
            var taken = 0;
            s.Thread("lock", () =>
            {
                l.Lock();
                sum.Increment();
                l.Unlock();
            });
            s.Thread("try", () =>
            {
                if (!l.TryLock())
                    return;
                sum.Increment();
                taken = 1;
                l.Unlock();
            });
            s.AtEnd("nothing is lost", () => sum.Peek() == 1 + taken ? null : $"{1 + taken} additions made {sum.Peek()}");
        }),
        Over("rwlock-exclusion", "A writer moves a pair of numbers that two readers compare, under the spinning reader-writer lock.", s =>
        {
            var l = new RwLock(RwClass);
            var (a, b) = (new Number(), new Number());
            s.Thread("writer", () =>
            {
                l.WriteLock();
                a.Increment();
                b.Increment();
                l.WriteUnlock();
            });
            for (var i = 0; i < 2; i++)
            {
                s.Thread($"reader{i}", () =>
                {
                    l.ReadLock();
                    if (a.Read() != b.Read())
                        s.Fail(VerdictKind.Invariant, "A reader saw a writer at work.");
                    l.ReadUnlock();
                });
            }
        }),
        Over("rwsem-downgrade", "A writer downgrades beside a reader and another writer.", s =>
        {
            var l = new RwSemaphore(SemaphoreClass);
            var (a, b) = (new Number(), new Number());
            s.Thread("downgrade", () =>
            {
                l.DownWrite();
                a.Increment();
                b.Increment();
                l.DowngradeWrite();
                Compare(s, a, b);
                l.UpRead();
            });
            s.Thread("writer", () =>
            {
                l.DownWrite();
                a.Increment();
                b.Increment();
                l.UpWrite();
            });
            s.Thread("reader", () =>
            {
                l.DownRead();
                Compare(s, a, b);
                l.UpRead();
            });
        }),
        Over("mutex-exclusion", "Three threads add to a number under a mutex.", s =>
        {
            var l = new Mutex(MutexClass);
            var sum = new Number();
            for (var i = 0; i < 3; i++)
            {
                s.Thread($"thread{i}", () =>
                {
                    l.Lock();
                    sum.Increment();
                    l.Unlock();
                });
            }

            s.AtEnd("nothing is lost", () => sum.Peek() == 3 ? null : $"3 additions made {sum.Peek()}");
        }),
        Over("srcu-grace-period", "An updater unpublishes an object, waits for a grace period and frees it, beside two readers.", s =>
        {
            var srcu = new Srcu(SrcuClass);
            var published = new Cell(1);
            var freed = new Cell();
            for (var i = 0; i < 2; i++)
            {
                s.Thread($"reader{i}", () =>
                {
                    var idx = srcu.ReadLock();
                    if (published.Value != 0 && freed.Value != 0)
                        s.Fail(VerdictKind.UseAfterFree, "A reader found the object, and it was freed inside the reader's section.");
                    srcu.ReadUnlock(idx);
                });
            }

            s.Thread("updater", () =>
            {
                published.Value = 0;
                srcu.Synchronize();
                freed.Value = 1;
            });
        },
        "A reader that found the object before it was unpublished is inside a section that began before the grace period: it is waited "
            + "for."),
        Over("srcu-two-updaters", "Two updaters share grace periods.", s =>
        {
            var srcu = new Srcu(SrcuClass);
            Cell[] published = [new(1), new(1)];
            Cell[] freed = [new(), new()];
            s.Thread("reader", () =>
            {
                var idx = srcu.ReadLock();
                for (var i = 0; i < 2; i++)
                {
                    if (published[i].Value != 0 && freed[i].Value != 0)
                        s.Fail(VerdictKind.UseAfterFree, $"Object {i} was freed inside a section that had found it.");
                }

                srcu.ReadUnlock(idx);
            });
            for (var i = 0; i < 2; i++)
            {
                var mine = i;
                s.Thread($"updater{i}", () =>
                {
                    published[mine].Value = 0;
                    srcu.SynchronizeExpedited();
                    freed[mine].Value = 1;
                });
            }
        },
        "An updater may take another's grace period for its own only when that began after its own unpublishing."),
        Over("srcu-callbacks", "Callbacks run after a grace period, in the order they were queued, and a barrier waits for them.", s =>
        {
            var srcu = new Srcu(SrcuClass);
            var published = new Cell(1);
            var freed = new Cell();
            s.Thread("reader", () =>
            {
                var idx = srcu.ReadLock();
                if (published.Value != 0 && freed.Value != 0)
                    s.Fail(VerdictKind.UseAfterFree, "A callback freed the object inside a section that had found it.");
                srcu.ReadUnlock(idx);
            });
            s.Thread("updater", () =>
            {
                published.Value = 0;
                srcu.Call(_ => freed.Value = 1, null);
                srcu.Call(_ => freed.Value = freed.Value == 1 ? 2 : -1, null);
                srcu.Barrier();
                if (freed.Value != 2)
                    s.Fail(VerdictKind.Invariant, "The barrier returned before the callbacks had run, or they ran in the wrong order.");
            });
        }),
        Over("rcuwait", "A waiter prepares, looks and sleeps; two wakers make its condition true and wake it.", s =>
        {
            var wait = new RcuWait(WaitClass);
            var count = new Cell();
            s.Thread("waiter", () =>
            {
                wait.Prepare();
                while (count.Value != 2)
                    wait.Wait();
                wait.Finish();
            });
            for (var i = 0; i < 2; i++)
            {
                s.Thread($"waker{i}", () =>
                {
                    count.Add(1);
                    wait.WakeUp();
                });
            }
        },
        "The waiter becomes visible, then looks at the condition; a waker makes it true, then looks for a waiter. A wake-up between the "
            + "look and the sleep is kept."),
        Over("sequence-count", "A reader retries when a writer was about, and never uses torn data.", s =>
        {
            var sequence = new SequenceCount(SequenceClass);
            var l = new SpinLock(SpinClass);
            var (a, b) = (new Cell(), new Cell());
            for (var i = 0; i < 2; i++)
            {
                s.Thread($"writer{i}", () =>
                {
                    l.Lock();
                    sequence.WriteBegin();
                    a.Value++;
                    b.Value++;
                    sequence.WriteEnd();
                    l.Unlock();
                });
            }

            s.Thread("reader", () =>
            {
                uint begin;
                long x, y;
                do
                {
                    begin = sequence.ReadBegin();
                    x = a.Value;
                    y = b.Value;
                }
                while (sequence.ReadRetry(begin));
                if (x != y)
                    s.Fail(VerdictKind.TornRead, $"The reader was told that its data is whole, and has {x} and {y}.");
            });
        }),
        Over("invalidation-end-order", "A reader without a lock asks whether its snapshot is still good, while an invalidation ends.", s =>
        {
            var mmuLock = new RwLock(HypervisorLocks.MmuLock);
            var state = new InvalidationState(mmuLock);
            mmuLock.WriteLock();
            state.Begin();
            state.RangeAdd(new Gfn(0x10), new Gfn(0x11));
            mmuLock.WriteUnlock();
            var page = new Cell(1);
            s.Thread("end", () =>
            {
                page.Value = 2;
                mmuLock.WriteLock();
                state.End();
                mmuLock.WriteUnlock();
            });
            s.Thread("reader", () =>
            {
                var sequence = state.Sequence;
                var seen = page.Value;
                if (!state.Retry(sequence) && seen != 2)
                    s.Fail(VerdictKind.Invariant, "An invalidation has ended, and a reader may go on with what it found before.");
            });
        },
        """
        The end moves the sequence first and lowers the count second; the reader looks at the count first and at the sequence second. Who
        sees the lower count sees the new sequence too: with either pair the other way round a snapshot from before the end passes.
        """),
        Over("request-dekker", "Two threads store their own word, then read the other's.", s =>
        {
            var (a, b) = (new Cell(), new Cell());
            var (sawA, sawB) = (false, false);
            s.Thread("vcpu", () =>
            {
                a.Value = 1;
                Atomics.Fence();
                sawB = b.Value != 0;
            });
            s.Thread("requester", () =>
            {
                b.Value = 1;
                Atomics.Fence();
                sawA = a.Value != 0;
            });
            s.AtEnd("one sees the other", () => sawA || sawB ? null : "neither store was seen");
        },
        "The pattern under requests, wake-ups and code marks, alone: with a full barrier between store and load one of the two sees the "
            + "other. Explored with store buffers it fails without."),
    ];

    private static void Compare(Schedule schedule, Number a, Number b)
    {
        if (a.Read() != b.Read())
            schedule.Fail(VerdictKind.Invariant, "Inside the lock the two numbers differ.");
    }

    /// <summary>A plain field that some lock protects.</summary>
    private sealed class Number
    {
        private int _value;

        public int Read() => Shared.Read(ref _value, this);

        public void Increment() => Shared.Write(ref _value, Shared.Read(ref _value, this) + 1, this);

        public int Peek() => _value;
    }
}
