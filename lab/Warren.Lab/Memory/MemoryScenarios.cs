using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Small protocols that stand or fall with the order of two stores, or with one fence.</summary>
internal static class MemoryScenarios
{
    private static readonly LockClass Lock = new("scenario_mmu_lock", WaitContext.Spin);
    private static readonly LockClass Sleep = new("scenario_wait", WaitContext.Sleep);

    private sealed class Words
    {
        internal int Page;
        internal int Flag;
    }

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("invalidation-end-order", "A lockless user asks Retry while the invalidation that made its data stale comes to its end.", s =>
        {
            var (words, mmuLock) = (new Words(), new RwLock(Lock));
            var state = new InvalidationState(mmuLock);
            mmuLock.WriteLock();
            state.Begin();
            state.RangeAdd(1, 2);
            mmuLock.WriteUnlock();
            s.Thread("invalidation", () =>
            {
                Atomics.Write(ref words.Page, 1, words);
                mmuLock.WriteLock();
                state.End();
                mmuLock.WriteUnlock();
            });
            s.Thread("user", () =>
            {
                var sequence = state.Sequence;
                var page = Atomics.Read(ref words.Page, words);
                if (!state.Retry(sequence) && page == 0)
                    s.Fail(VerdictKind.Invariant, "Retry let a page pass that the invalidation had replaced.");
            });
        },
        """
        Who uses what it derived from the host's page without mmu_lock asks Retry: is an invalidation in progress, or has the sequence moved since the snapshot? It
        reads the count first, the sequence then. The end of an invalidation therefore moves the sequence first and lowers the count then: who sees the low count
        sees the new sequence. The other way round, a user between the two finds no invalidation in progress and the old sequence, and keeps a stale page.
        Explore it with store buffers, too: the two stores must also reach memory in that order.
        """),
        new DelegateScenario("rcuwait-wake-up", "One thread waits for a word that another sets by a plain store.", s =>
        {
            var (words, wait) = (new Words(), new RcuWait(Sleep));
            s.Thread("waiter", () =>
            {
                wait.Prepare();
                while (Atomics.Read(ref words.Flag, words) == 0)
                    wait.Wait();
                wait.Finish();
            });
            s.Thread("waker", () =>
            {
                Atomics.Write(ref words.Flag, 1, words);
                wait.WakeUp();
            });
        },
        """
        The waiter says that it waits, then looks at the condition; the waker makes the condition true, then looks whether anybody waits. Between the store and the
        load each side needs a full fence: without the waker's, its store may still lie in its store buffer when it finds nobody waiting, and the waiter, which
        then reads the old condition, sleeps for ever. Only the exploration with store buffers can find that.
        """),
    ];
}
