namespace Warren.Lab;

/// <summary>
/// The flaws of gates: of those that lose, and of the broken relatives of each; where production's own gate is concerned, as patches.
/// </summary>
internal static class GateVariants
{
    private const string Hypervisor = "Warren.Hypervisor";

    /// <summary>
    /// A count that went below zero is refused by the end itself; one that stays up is noticed when all is quiet, or by the fault that
    /// retries for ever.
    /// </summary>
    private static readonly VerdictKind[] Unbalanced =
        [VerdictKind.Exception, VerdictKind.UnbalancedNotification, VerdictKind.Livelock, VerdictKind.Invariant];

    private static readonly VerdictKind[] Stale = [VerdictKind.Invariant, VerdictKind.UseAfterFree];

    internal static IReadOnlyList<Variant> All { get; } =
    [
        Gate("one-sided", "gate-create-between", "The first proposal to elide mmu_lock", Unbalanced,
            """
            Start and end each look for slots in the range, and each takes mmu_lock and counts only if it finds one.
              host     start: no slot there, nothing counted
              update   publishes a slot over the range
              host     end: finds the slot, lowers a count that was never raised
            With a deletion in between, the count stays up instead, and every fault of the range retries for ever.
            """),
        Gate("one-sided", "gate-delete-between", "From the discussion of KVM's memslot locking", Unbalanced,
            """
            As one-sided, the other way round: the start finds the slot and counts, a deletion takes it away, the end finds nothing to
            leave.
            """, "one-sided-delete"),
        Gate("rwsem", "gate-nested", "The semaphore of the 2021 proposal", [VerdictKind.Deadlock],
            """
            A blockable notification holds a semaphore for read from start to end; an update takes it for write.
              host     outer start: read-holds
              update   queues for write, behind the outer notification's end
              host     inner start, in the same thread: queues behind the update
            Nobody goes on. The semaphore is fair to writers; one that is not starves them.
            """, "rwsem-nested"),
        Gate("rwsem", "gate-removal", "KVM: destruction must make the lock anew", [VerdictKind.LockLeak],
            """
            A notifier that is unregistered between a start and its end is not told the end. Whoever held the VM's semaphore for read holds
            it for ever: destruction has to put a new one in its place, under the feet of a holder.
            """, "rwsem-removal"),
        Gate("rwsem", "gate-copy-on-write", "The lockdep report of 2021, seen from wp_page_copy", [VerdictKind.LockOrder],
            """
            A copy-on-write fault copies the page between a start and an end. The start takes the semaphore inside the pseudo-lock
            invalidate_range; the end enters invalidate_range with the semaphore held. Two classes, each taken inside the other, shown by
            one thread that never waited: with a writer between two readers it is the deadlock of rwsem-nested across threads.
            """, "rwsem-lock-order"),
        Gate("rwlock", "gate-device", "From the discussion of KVM's memslot locking", [VerdictKind.SleepInAtomic, VerdictKind.LockOrder],
            """
            A spinning lock held from start to end makes non-blockable notifications no special case. But the section spans whatever the
            host does in between, and the callbacks of every other subscriber: a device that takes a mutex for its IOTLB sleeps with a
            spinning lock held.
            """, "rwlock-sleeps"),
        Gate("rwlock", "gate-removal", "KVM: destruction, as for the semaphore", [VerdictKind.LockLeak], "As rwsem-removal.",
            "rwlock-removal"),
        Gate("active-count", "gate-endless", "syzbot 5c566b850d6ab6f0427a: an update hung for more than 143 s; not fixed in KVM",
            [VerdictKind.Starvation],
            """
            An update waits until no notification is in flight. Two threads of the host that notify without end, of memory that is no
            slot's, keep the count above zero between them: each has its turn, and the update none. Notifications may not be made to wait
            (some must not sleep), and an update may not fail: the price belongs to the protocol.
            """, "active-count-starves"),
        Gate("try-lock", "gate-nested-reap", "From the discussion of KVM's memslot locking", [VerdictKind.Deadlock, VerdictKind.Livelock],
            """
            Who may not sleep tries for the semaphore in a loop. The writer in front of it waits for a reader; when that reader cannot run
            before the loop ends (here: it is the same thread; in a kernel: the loop has its CPU) nobody ever gets anywhere.
            """),
        Gate("count-related-only", "gate-create-between", "KVM: elide without mn_active", Unbalanced,
            "Only notifications that hit a slot are counted. One that hits none is not waited for, finds the new slot at its end, and "
                + "lowers a count it has not raised."),
        Gate("count-after-lookup", "gate-create-between", "Order of the two first steps of a start", Unbalanced,
            "The notification is counted after it has looked for slots: an update between the two does not wait for it."),
        Gate("count-blockable-only", "gate-reap", "Two paths instead of one", Unbalanced,
            "Non-blockable notifications are not counted, being short. Short is long enough: the reaper's start and end see different "
                + "slots."),
        Gate("count-dropped-early", "gate-create-between", "KVM: drop mn_active before in_progress", Unbalanced,
            "The end stops counting before it leaves the VM: the update it lets through changes the slots by which it looks for what to "
                + "leave."),
        new("join-nobody", "design: join those in flight",
            """
            The update publishes and bumps the sequence, and joins nobody. A fault after that maps a page that a notification in flight is
            about to free.
            """,
            "gate-create",
            [new(Hypervisor, "Invalidation/JoinGate.cs", "        update.Join(this);\n", "")],
            Stale) { Gate = "join" },
        new("join-published-before-lock", "design: publication and walk in one section of mmu_lock",
            """
            The new slots are there before mmu_lock is taken: a fault finds them, and installs, before the notification in flight is joined.
            """,
            "gate-alias",
            [new(Hypervisor, "Invalidation/JoinGate.cs",
                "        Vm.MmuLock.WriteLock();\n        update.Store();\n        slots.Publish();\n",
                "        update.Store();\n        slots.Publish();\n        Vm.MmuLock.WriteLock();\n")],
            Stale) { Gate = "join" },
        new("join-counted-twice", "design: once per notification and VM",
            """
            A start raises the count although an update has done so for it; its one end lowers it once. Faults of the range retry for ever.
            """,
            "gate-alias-late-start",
            [new(Hypervisor, "Invalidation/JoinGate.cs", "        if (!_entered.TryAdd(range.Id)) return;\n",
                "        _entered.TryAdd(range.Id);\n")],
            Unbalanced) { Gate = "join" },
        new("atomic-count", "From the discussion of KVM's memslot locking",
            """
            The count is raised by an atomic operation without mmu_lock; ranges are added under it, as before. Count and range are no longer
            one: the first of two notifications finds the count at 1, is overtaken by the second, which adds its range, and then resets the
            range as the first one does. The second's pages are not covered.
            """,
            "gate-two-ranges",
            [
                new(Hypervisor, "Invalidation/ActiveCountGate.cs", "        Vm.MmuLock.WriteLock();\n        Vm.Invalidation.Begin();\n",
                    "        Vm.Invalidation.Begin();\n        Vm.MmuLock.WriteLock();\n"),
                new(Hypervisor, "Invalidation/InvalidationState.cs",
                    "        _mmuLock.AssertHeldWrite();\n        var inProgress = Shared.Read(ref _state.InProgress, this) + 1;\n        "
                        + "if (inProgress == 1) SetRange(Unset, Unset);\n        Atomics.Write(ref _state.InProgress, inProgress, this);\n",
                    "        if (Atomics.Add(ref _state.InProgress, 1, this) == 1) SetRange(Unset, Unset);\n"),
                new(Hypervisor, "Invalidation/InvalidationState.cs",
                    "        Atomics.Write(ref _state.InProgress, inProgress - 1, this);\n",
                    "        Atomics.Add(ref _state.InProgress, -1, this);\n"),
                // What is no longer under the lock is read as such: the flaw is not that a detector of races would cry.
                new(Hypervisor, "Invalidation/InvalidationState.cs",
                    "(Shared.Read(ref _state.Start, this), Shared.Read(ref _state.End, this));",
                    "(Atomics.Read(ref _state.Start, this), Atomics.Read(ref _state.End, this));"),
                new(Hypervisor, "Invalidation/InvalidationState.cs",
                    "        var inProgress = Shared.Read(ref _state.InProgress, this);\n",
                    "        var inProgress = Atomics.Read(ref _state.InProgress, this);\n"),
                new(Hypervisor, "Invalidation/InvalidationState.cs",
                    "        if (Shared.Read(ref _state.InProgress, this) != 0\n            && Covers(Shared.Read(ref _state.Start, "
                        + "this), Shared.Read(ref _state.End, this), start, end))\n",
                    "        if (Atomics.Read(ref _state.InProgress, this) != 0 && Covers(Atomics.Read(ref _state.Start, this), "
                        + "Atomics.Read(ref _state.End, this), start, end))\n"),
            ],
            Stale) { Gate = "active-count" },
    ];

    private static Variant Gate(string gate, string scenario, string origin, IReadOnlyList<VerdictKind> expected, string flaw,
        string? name = null) =>
        new(name ?? gate, origin, flaw, scenario, [], expected)
        { Gate = gate, LockOrder = expected.Contains(VerdictKind.LockOrder) || expected.Contains(VerdictKind.SleepInAtomic) };
}
