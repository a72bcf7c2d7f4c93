namespace Warren.Lab;

/// <summary>The notifier core, and the gate that counts active invalidations.</summary>
internal static class NotifierVariants
{
    private const string HostMemory = "Warren.HostMemory";
    private const string InFlight = "InFlightInvalidations.cs";
    private const string Core = "MmuNotifiers.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("elision-without-count", "KVM: mmu_lock elided and memslot updates not held off",
            """
            An invalidation that hits no slot takes no mmu_lock, which is right only if no slot appears before it has ended: so every one is
            counted, and an update waits for the count to be zero. Here they are not counted.
              host     discard: start finds no slot there
              update   creates a slot over the page
              vCPU     fault: finds the frame, nothing in progress: installs it
              host     the page goes; end
            """,
            "create-vs-discard",
            [new(HostMemory, InFlight, "        Shared.Write(ref _active, Shared.Read(ref _active, this) + 1, this);\n", ""),
             new(HostMemory, InFlight, "        var active = Shared.Read(ref _active, this) - 1;\n",
                 "        var active = Shared.Read(ref _active, this);\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "active-count",
        },
        new("published-outside-gate-lock", "Mutation of kvm_swap_active_memslots: the pointer stored outside mn_invalidate_lock",
            """
            The update stores the new set while it still holds the lock under which it saw no invalidation. Here it unlocks first.
              update   sees the count at zero, unlocks
              host     discard: counted; start finds no slot
              update   publishes the slot
              vCPU     fault: installs the frame that the discard is about to free
            """,
            "create-vs-discard",
            [new(HostMemory, InFlight,
                "        if (idle)\n        {\n            update.Store();\n            publisher.Publish();\n        }\n        else if "
                    + "(!announced)",
                "        if (!idle && !announced)"),
             new(HostMemory, InFlight,
                "        _lock.Unlock();\n        return idle;",
                "        _lock.Unlock();\n        if (idle)\n        {\n            update.Store();\n            "
                    + "publisher.Publish();\n        }\n\n        return idle;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "active-count",
        },
        new("woken-before-decrement", "Mutation of invalidate_range_end: wake before the decrement",
            """
            The end drops the count and then wakes the updater, which looks at the count. Here it wakes first.
              update   sees the count at one, sleeps
              host     end: wakes it
              update   looks: still one; sleeps again
              host     drops the count; nobody will wake the updater any more
            """,
            "create-vs-discard",
            [new(HostMemory, InFlight,
                "        var last = false;\n        if (record.EnteredCount == 0)\n            last = Uncount();\n        "
                    + "_lock.Unlock();\n        if (last)\n            Wake();\n",
                "        var last = record.EnteredCount == 0;\n        _lock.Unlock();\n        if (!last)\n            return;\n        "
                    + "Wake();\n        _lock.Lock();\n        Uncount();\n        _lock.Unlock();\n")],
            [VerdictKind.Deadlock, VerdictKind.LostWakeUp])
        {
            Gate = "active-count",
        },
        new("woken-updater-does-not-look-again", "rcuwait: the condition is looked at again after each wake-up",
            """
            An updater that was woken looks at the count again: another invalidation may have begun between the wake-up and its return to
            the lock. Here it looks only once.
              update   sees one active, sleeps
              host 1   end: count zero, wakes it
              host 2   discard: counted, finds no slot
              update   takes the lock and publishes with host 2 in the middle
            """,
            "create-vs-two-discards",
            [new(HostMemory, InFlight, "var idle = Shared.Read(ref _active, this) == 0;",
                "var idle = announced || Shared.Read(ref _active, this) == 0;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "active-count",
        },
        new("wait-prepared-late", "rcuwait: prepare before the condition is looked at for the last time",
            """
            The updater declares itself a waiter under the lock, before it lets go: a wake-up from then on is kept. Here it declares itself
            afterwards.
              update   sees one active, unlocks
              host     end: count zero, no waiter to wake
              update   declares itself, sleeps; nobody will wake it
            """,
            "create-vs-discard",
            [new(HostMemory, InFlight,
                "        else if (!announced)\n        {\n            _wait.Prepare();\n            announced = true;\n        "
                    + "}\n\n        _lock.Unlock();\n",
                "\n        _lock.Unlock();\n        if (!idle && !announced)\n        {\n            _wait.Prepare();\n            "
                    + "announced = true;\n        }\n\n")],
            [VerdictKind.Deadlock, VerdictKind.LostWakeUp])
        {
            Gate = "active-count",
        },
        new("refused-start-leaves-others-open", "c2655835fd8c: ensure range_end() is paired with range_start()",
            """
            When one subscriber refuses a non-blockable invalidation the others, whose starts succeeded, get their ends. Here they do not.
              reaper   start: the VM raises its count and zaps; the device refuses; the invalidation is off
            The VM's count stays at one: every fault in the range starts again for ever.
            """,
            "refusal-of-one-subscriber",
            [new(HostMemory, Core,
                "        Finish(record);\n        Mark(HostMemoryMarks.InvalidationRefused",
                "        InFlight.Remove(record);\n        if (record.EnteredCount != 0)\n            InFlight.Leave();\n        "
                    + "InFlight.Map.Leave();\n        Mark(HostMemoryMarks.InvalidationRefused")],
            [VerdictKind.Invariant, VerdictKind.UnbalancedNotification]),
        new("refusing-subscriber-gets-its-end", "KVM: who refused has done nothing, and gets no end",
            """
            A subscriber that refused has not raised its count. Here it gets an end with the others, and the count goes to -1.
            """,
            "refusal-of-one-subscriber",
            [new(HostMemory, Core,
                "        if (!owner.InvalidateRangeStart(record.Range, run) && !record.Range.Blockable)\n            return "
                    + "false;\n        InFlight.Enter(record, owner);\n",
                "        InFlight.Enter(record, owner);\n        if (!owner.InvalidateRangeStart(record.Range, run) && "
                    + "!record.Range.Blockable)\n            return false;\n")],
            [VerdictKind.Invariant, VerdictKind.UnbalancedNotification, VerdictKind.Exception, VerdictKind.LockLeak]),
        new("refused-invalidation-stays-counted", "KVM: a failed start undoes its own count",
            """
            A refused invalidation leaves the gate like one that ended. Here it does not: the next memslot update waits for ever, though
            nothing is in flight.
            """,
            "refusal-vs-update",
            [new(HostMemory, Core,
                "        Finish(record);\n        Mark(HostMemoryMarks.InvalidationRefused",
                "        InFlight.Remove(record);\n        CallEnds(record);\n        Mark(HostMemoryMarks.InvalidationRefused")],
            [VerdictKind.Deadlock, VerdictKind.LostWakeUp, VerdictKind.UnbalancedNotification, VerdictKind.LockLeak])
        {
            Gate = "active-count",
        },
        new("unregister-without-grace-period", "mmu_notifier_unregister always waits for SRCU",
            """
            Who unregisters may free its state when the call returns: so the call waits for callbacks that run. Here it does not.
              host         discard: is inside the subscriber's callback
              unregister   takes the subscriber off the list, returns; its owner frees everything
              host         goes on in the callback
            """,
            "unregister-vs-callback",
            [new(HostMemory, "MmuNotifiers.Updates.cs",
                "        Release(notifier);\n        // Also for one the address space has released: its callbacks may still be "
                    + "running.\n        _srcu.SynchronizeExpedited();\n", "        Release(notifier);\n")],
            [VerdictKind.UseAfterFree]),
    ];
}
