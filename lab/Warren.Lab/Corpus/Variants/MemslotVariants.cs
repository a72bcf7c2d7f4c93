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
            A deletion waits for the readers of the slot: for faults that found it valid, before the zap, and for everybody, before it
            returns. Here it never waits. (Leaving out the first wait alone goes unpunished: the zap makes the roots obsolete, and a fault
            that found the slot valid notices that.)
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
            [new(Hypervisor, Memslots, "        Mmu.ZapAllFast();\n        Step(MemslotStep.Zapped);",
                "        Step(MemslotStep.Zapped);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("bitmap-freed-without-grace-period", "KVM: the old slot and its bitmap go after synchronize_srcu",
            """
            When the new set is published the update waits for readers of the old one before it frees anything of the old slot. Here it does
            not wait.
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
            [new(Hypervisor, Memslots, "            if (slot is not null) FreeMemslot(slot, old);\n            throw;",
                "            throw;")],
            [VerdictKind.Invariant]),
    ];
}
