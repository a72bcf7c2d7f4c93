namespace Warren.Lab;

/// <summary>The primitives of Warren.Locking themselves.</summary>
internal static class PrimitiveVariants
{
    private const string Locking = "Warren.Locking";
    private const string Srcu = "Srcu.cs";

    /// <summary>Production SRCU chooses its bank and counts itself in one step, as far as the explorer sees.</summary>
    private static readonly SourcePatch[] SrcuSteps =
    [
        new(Locking, Srcu,
            """
                    Check.Hook.Before(new CheckStep(CheckOperation.SrcuReadLock, LockMode.Shared, Class, this));
                    var idx = ReadLockNative();
            """,
            """
                    var idx = Atomics.Read(ref _bank, this) & 1;
                    Check.Hook.Before(new CheckStep(CheckOperation.SrcuReadLock, LockMode.Shared, Class, this));
                    Interlocked.Increment(ref Line()[idx]);
            """),
    ];

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("srcu-one-phase", "SRCU needs two phases: a reader may have chosen its bank before the flip and count itself in it only now",
            """
            A grace period drains the bank that new readers do not use, flips, and drains the other. Here the first half is missing.
              reader    chooses bank 0, has not counted itself yet
              updater   first grace period: flips to bank 1, bank 0 is empty
              reader    counts itself in bank 0, reads the current item
              updater   replaces that item; second grace period: flips to bank 0, drains bank 1, which is empty; frees the item
            The reader is still inside.
            """,
            "srcu-two-updates",
            [new(Locking, Srcu, "        Drain(bank ^ 1, expedited, step);\n", "")],
            [VerdictKind.UseAfterFree])
        {
            Exposure = SrcuSteps,
        },
        new("srcu-without-waiting", "SRCU: the updater waits for readers that were there before it",
            """
            A grace period ends when the readers of both banks have left. Here nobody is waited for.
            """,
            "srcu-two-updates",
            [new(Locking, Srcu, "        if (Drained(bank))\n            return;\n", "        if (bank >= 0)\n            return;\n")],
            [VerdictKind.UseAfterFree]),
        new("wake-up-forgets-the-sleeper", "rcuwait: who is woken for nothing sleeps on, and can be woken again",
            """
            A waker leaves the waiter registered; the waiter itself ends that. Here the waker takes it out, as if whoever is woken had what
            it waits for.
              sleeper   prepares, finds its request pending, sleeps
              time      a tick: wakes the sleeper, and takes it out
              sleeper   finds its request still pending, sleeps on
              other     answers; finds nobody to wake
            Only with the tick: without, the one wake-up there is comes with the answer.
            """,
            "wait-with-tick",
            [new(Locking, "RcuWait.cs", "        if (Volatile.Read(ref _waiter) == 0)\n            return false;\n",
                "        if (Interlocked.Exchange(ref _waiter, 0) == 0)\n            return false;\n")],
            [VerdictKind.Deadlock]),
        new("sequence-count-without-retry", "seqcount: read_seqretry left out",
            """
            What was read under a sequence count is used only if the sequence has not moved. Here it is used in any case.
              reader   even sequence; copies the first word
              writer   changes both words
              reader   copies the second word; uses a pair that never was
            """,
            "sequence-count",
            [new(Locking, "SequenceCount.cs", "        hook.After(step, !retry);\n        return retry;",
                "        hook.After(step, !retry);\n        return false;")],
            [VerdictKind.TornRead]),
        new("sequence-count-reads-while-odd", "seqcount: a reader waits for an even sequence",
            """
            An odd sequence says that a writer is at work; a reader waits until it is even. Here it begins with the odd one, and finds it
            unmoved.
              writer   sequence odd; changes the first word
              reader   copies both words; the sequence has not moved
            """,
            "sequence-count",
            [new(Locking, "SequenceCount.cs", "        while (((sequence = ReadForwarded(hook)) & 1) != 0)",
                "        while (((sequence = ReadForwarded(hook)) & 1) > 1)")],
            [VerdictKind.TornRead]),
        new("downgrade-lets-go", "downgrade_write: no writer may come between the two holds",
            """
            A downgrade turns a write hold into a read hold in one step. Here the lock is released and taken again.
              thread 1   writes, releases
              thread 2   takes the lock for write, changes everything
              thread 1   takes it for read, and relies on what it wrote
            """,
            "downgrade-vs-writer",
            [new(Locking, "RwSemaphore.cs",
                "        if (Check.TrackOwners)\n            SleepingSteps.ReleaseOwner(_lock, Class);\n        if "
                    + "(Check.On)\n            SleepingSteps.Downgrade(_lock, Class, this);\n        else\n            "
                    + "_lock.Downgrade();\n",
                "        UpWrite();\n        DownRead();\n")],
            [VerdictKind.Invariant]),
        new("rwlock-reader-enters-beside-writer", "A reader must not enter while a writer holds the lock",
            """
            A reader-writer lock keeps readers out while it is held for writing. Here a reader looks only for waiting writers.
              host   start: mmu_lock for write, raises the count, is about to add the range
              vCPU   fault: takes mmu_lock shared beside it
            """,
            "fault-vs-discard",
            [new(Locking, "RwLock.cs", "        while (!(mode == LockMode.Shared ? TryReadNative(Held | WriterWaits) : TryWriteNative()))",
                "        while (!(mode == LockMode.Shared ? TryReadNative(WriterWaits) : TryWriteNative()))")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.DataRace, VerdictKind.Exception, VerdictKind.LockLeak]),
    ];
}
