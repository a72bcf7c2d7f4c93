using Warren.Locking;

namespace Warren.Lab;

/// <summary>Scenarios that only the exploration with store buffers can break.</summary>
internal static class MemoryScenarios
{
    private static readonly LockClass Sleep = new("scenario_wait", WaitContext.Sleep);

    private sealed class Word
    {
        internal int Flag;
    }

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("rcuwait-plain-store", "One thread waits for a word that another sets by a plain store.", s =>
        {
            var (word, wait) = (new Word(), new RcuWait(Sleep));
            s.Thread("waiter", () =>
            {
                wait.Prepare();
                while (Atomics.Read(ref word.Flag, word) == 0)
                    wait.Wait();
                wait.Finish();
            });
            s.Thread("waker", () =>
            {
                Atomics.Write(ref word.Flag, 1, word);
                wait.WakeUp();
            });
        },
        """
        The waiter says that it waits, then looks at the condition; the waker makes the condition true, then looks whether anybody waits.
        Between the store and the load each side needs a full fence: without the waker's, its store may still lie in its store buffer when
        it finds nobody waiting, and the waiter, which then reads the old condition, sleeps for ever. Only the exploration with store
        buffers can find that.
        """),
    ];
}
