namespace Warren.Lab;

/// <summary>Memslot updates: the two steps of a deletion, slots_arch_lock done and undone, failures half-way.</summary>
internal static class MemslotVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Memslots = "VirtualMachine.Memslots.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("delete-without-grace-period", "Mutation: no SRCU synchronization between INVALID, zap and the end of a deletion",
            """
            A deletion waits for the readers of the slot: for faults that found it valid, before the zap, and for everybody, before it returns. Here it never waits.
            (Leaving out the first wait alone goes unpunished: the zap makes the roots obsolete, and a fault that found the slot valid notices that.)
              vCPU   fault: in its read section, has found the slot
              host   deletion: marks, zaps, publishes, frees the slot, returns
              vCPU   still works with the slot
            """,
            "delete-vs-fault",
            [new(Hypervisor, Memslots, "        Srcu.SynchronizeExpedited();\n        Counters", "        Counters")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("delete-without-invalid-mark", "bc6678a33d9b: deletion in two steps, with KVM_MEMSLOT_INVALID between",
            """
            Before the zap the slot is marked invalid, so that no fault maps it again behind the zap. Here it is not marked.
              host   deletion: waits for readers, zaps
              vCPU   fault: finds the slot, installs an SPTE
              host   publishes the set without the slot
            """,
            "delete-vs-fault",
            [new(Hypervisor, Memslots, "        slot.IsInvalid = true;\n        AwaitReaders();\n", "        AwaitReaders();\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("delete-without-zap", "KVM: the slot's mappings are zapped while it is invalid",
            """
            A deletion removes what maps the slot before it takes the slot away. Here it only takes it away.
              vCPU   has the page in its TLB
              host   deletion returns
              vCPU   goes on using the page
            """,
            "delete-vs-access",
            [new(Hypervisor, Memslots, "        Mmu.ZapAllFast();\n        Step(MemslotStep.Zapped);", "        Step(MemslotStep.Zapped);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("bitmap-freed-without-grace-period", "KVM: the old slot and its bitmap go after synchronize_srcu",
            """
            When the new set is published the update waits for readers of the old one before it frees anything of the old slot. Here it does not wait.
              vCPU   store: found the logged slot, has given itself W; about to mark the page
              host   switches logging off: publishes, frees the bitmap
              vCPU   marks the page in freed memory
            """,
            "store-vs-logging-off",
            [new(Hypervisor, Memslots, "        AwaitReaders();\n        var generation", "        var generation")],
            [VerdictKind.UseAfterFree, VerdictKind.Exception]),
        new("invalid-after-failed-delete", "KVM: the revert path must clear INVALID",
            """
            A deletion that fails half-way makes the slot valid again. Here it stays invalid.
              host   deletion: marks the slot; the last step fails; returns ENOMEM
              vCPU   fault: the slot is invalid, starts again, for ever
            """,
            "failed-delete-vs-access",
            [new(Hypervisor, Memslots, "            if (goes) old!.IsInvalid = false;\n", "")],
            [VerdictKind.Livelock, VerdictKind.Starvation]),
        new("bitmap-leaked-on-failed-create", "c87661f855c3: free the new dirty bitmap if creating a memslot fails",
            """
            Creating a logged slot allocates its bitmap first; when a later step fails the bitmap must go. Here it is forgotten.
            No interleaving is needed, only the failure, which is one of the explorer's choices.
            """,
            "failed-create",
            [new(Hypervisor, Memslots, "            if (slot is not null) FreeMemslot(slot, old);\n            throw;", "            throw;")],
            [VerdictKind.Invariant]),
        new("arch-lock-kept-when-duplication-fails", "Review of the slots_arch_lock series: no unlock when duplicating the memslots fails",
            """
            slots_arch_lock is held while the new set is built and let go on every path. Here not on the path where building it fails.
              host   update: takes the lock; the set cannot be allocated; returns ENOMEM with the lock held
            The next update, or the first shadow root, waits for ever.
            """,
            "failed-create",
            [new(Hypervisor, Memslots, "        Memslots published;\n", "        Memslots published;\n        var building = false;\n"),
             new(Hypervisor, Memslots, "            Step(MemslotStep.Publish);\n", "            building = true;\n            Step(MemslotStep.Publish);\n            building = false;\n"),
             new(Hypervisor, Memslots, "            SlotsArchLock.Unlock();\n        }\n        AwaitReaders();", "            if (!building) SlotsArchLock.Unlock();\n        }\n        AwaitReaders();")],
            [VerdictKind.LockLeak, VerdictKind.Deadlock]),
        new("arch-lock-kept-when-prepare-fails", "Review of the slots_arch_lock series: no unlock when arch prepare fails for CREATE or FLAGS_ONLY",
            """
            The other forgotten unlock: preparing the architecture's part fails, and the update is no deletion and no move, which have a way back that unlocks.
              host   creation: takes slots_arch_lock; prepare fails; returns the error with the lock held
            """,
            "failed-create",
            [new(Hypervisor, Memslots, "        Memslots published;\n", "        Memslots published;\n        var prepared = false;\n"),
             new(Hypervisor, Memslots, "            PrepareMemoryRegion(old, slot, change);\n", "            PrepareMemoryRegion(old, slot, change);\n            prepared = true;\n"),
             new(Hypervisor, Memslots, "            SlotsArchLock.Unlock();\n        }\n        AwaitReaders();", "            if (prepared || goes) SlotsArchLock.Unlock();\n        }\n        AwaitReaders();")],
            [VerdictKind.LockLeak, VerdictKind.Deadlock]),
        new("arch-lock-held-over-grace-period", "KVM: unlock slots_arch_lock before synchronize_srcu",
            """
            slots_arch_lock may be taken inside an SRCU read section, so nobody may wait for readers with it held. Here the update unlocks after the grace period.
              reader   enters its read section
              host     update: takes slots_arch_lock, publishes, waits for the reader
              reader   wants slots_arch_lock
            Each waits for the other.
            """,
            "arch-allocation-vs-update",
            [new(Hypervisor, Memslots, "            // Before the grace period: a reader that is waited for may be waiting for this lock.\n            SlotsArchLock.Unlock();\n        }\n        AwaitReaders();\n", "        }\n        AwaitReaders();\n        SlotsArchLock.Unlock();\n")],
            [VerdictKind.Deadlock, VerdictKind.LockOrder]),
        new("stale-arch-copy", "Review of the slots_arch_lock series: the old slot's arch part copied before the lock was taken again",
            """
            What the MMU keeps per slot is read under slots_arch_lock, held until the new slot is published. Here it is read before the lock is taken.
              host     change of flags: reads the old slot's reverse maps: none
              reader   first shadow root: takes slots_arch_lock, allocates them for every slot, done
              host     takes slots_arch_lock, publishes the new slot without any
            """,
            "arch-allocation-vs-update",
            [new(Hypervisor, Memslots, "        Memslots published;\n        SlotsArchLock.Lock();\n", "        Memslots published;\n        var arch = old?.Arch;\n        SlotsArchLock.Lock();\n"),
             new(Hypervisor, Memslots, "            PrepareMemoryRegion(old, slot, change);\n", "            PrepareMemoryRegion(old, slot, change);\n            if (change == MemslotChange.FlagsOnly) slot!.Arch = arch;\n")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("arch-copied-backwards", "Review of the slots_arch_lock series: the copy helper's arguments the wrong way round",
            """
            The new slot takes over what the MMU keeps for the old one. Here the arguments of the copy are swapped, the destination first as memcpy has it
            and the helper has not: the old slot gets the empty part of the new one, which is published.
            """,
            "arch-allocation-vs-update",
            [new(Hypervisor, Memslots, "slot.Arch = old!.Arch;", "old!.Arch = slot.Arch;")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("published-outside-arch-lock", "KVM: hold slots_arch_lock until the new pointer is installed",
            """
            The rule is: from before the slots are read until the new set is published. Here the lock is let go in between.
              host     change of flags: copies the arch part (none yet), unlocks
              reader   first shadow root: allocates for every slot of the published set, the old one
              host     publishes the new slot, which has none
            """,
            "arch-allocation-vs-update",
            [new(Hypervisor, Memslots, "            Step(MemslotStep.Publish);\n", "            SlotsArchLock.Unlock();\n            Step(MemslotStep.Publish);\n"),
             new(Hypervisor, Memslots, "            // Before the grace period: a reader that is waited for may be waiting for this lock.\n            SlotsArchLock.Unlock();\n        }", "        }")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
    ];
}
