namespace Warren.Lab;

/// <summary>The gate that lets an update join the notifications in flight: each of its steps, left out or misplaced.</summary>
internal static class JoinVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string HostMemory = "Warren.HostMemory";
    private const string Join = "Invalidation/JoinGate.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("join-without-sequence", "The protocol's own proof: leaving out the bump of the sequence",
            """
            An update that has published a slot and joined what is in flight bumps the sequence: a fault that saw the new slot before the
            join, and the page as it was before a notification that has ended since, must start again. Here it does not bump.
              host     discard: in the list, finds no slot, nobody to tell
              update   publishes the slot
              vCPU     fault: snapshot; finds the slot; finds the frame
              host     clears the page, leaves the list
              update   joins: the list is empty
              vCPU     the sequence has not moved: installs a frame that is free
            """,
            "create-vs-discard-and-fault",
            [new(Hypervisor, Join, "        Vm.Invalidation.Bump();\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
        new("join-start-trusts-update", "The protocol's own proof: no zap where the record had entered the VM already",
            """
            A start that finds itself entered by an update raises no count again, but zaps all the same: until the update came, faults could
            map other slots over the range. Here it leaves at once.
              vCPU     has a page mapped through slot 0
              host     discard of that page: in the list
              update   creates slot 1 over the same page, joins the notification: count and range
              host     start: entered already, nothing more to do; the frame is freed
              vCPU     still maps it through slot 0
            """,
            "alias-created-vs-discard",
            [new(Hypervisor, Join,
                "        Enter(range);\n        // Joined",
                """
                        var before = Vm.Invalidation.InProgress;
                        Enter(range);
                        if (Vm.Invalidation.InProgress == before)
                        {
                            Vm.MmuLock.WriteUnlock();
                            return;
                        }
                        // Joined
                """)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
        new("invalid-slot-hidden-from-notifications", "The protocol's own proof: a deleted slot hidden from notifications before its zap",
            """
            A slot that is being deleted stays visible to notifications until what maps it is gone. Here they pass over it as soon as it is
            marked invalid.
              update   deletion: marks the slot invalid; its SPTEs are still there
              host     discard: passes over the slot, zaps nothing; the frame is freed
              vCPU     uses the frame
            """,
            "delete-vs-discard-and-access",
            [new(Hypervisor, "Invalidation/InvalidationGate.cs",
                "            var slot = (Memslot)region;\n",
                "            var slot = (Memslot)region;\n            if (slot.IsInvalid) continue;\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
        new("joined-before-published", "Join: publish first, then go through the list",
            """
            The update publishes, then joins: a notification that is not in the list yet will find the slot. Here it joins first.
              update   goes through the list: nobody there
              host     discard: in the list; finds no slot
              update   publishes the slot
              vCPU     fault: nothing in progress, installs the frame that is about to go
            """,
            "create-vs-discard",
            [new(Hypervisor, Join,
                "        update.Store();\n        slots.Publish();\n        update.Join(this);\n",
                "        update.Join(this);\n        update.Store();\n        slots.Publish();\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
        new("looked-up-before-listed", "Join: a notification is in the list before it looks for regions",
            """
            A notification puts itself in the list, then looks for slots. Here it looks first.
              host     discard: finds no slot
              update   publishes the slot, joins the list: nobody there
              host     puts itself in the list; has nobody to tell
              vCPU     fault: installs the frame that is about to go
            """,
            "create-vs-discard",
            [new(HostMemory, "MmuNotifiers.cs",
                "        InFlight.Add(record);\n        invalidation = new Invalidation(record);\n        Collect(range.Start, range.End, "
                    + "record.Regions);\n",
                "        Collect(range.Start, range.End, record.Regions);\n        InFlight.Add(record);\n        invalidation = new "
                    + "Invalidation(record);\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
        new("ends-told-before-list-is-left", "Join: the end leaves the list first, so that nobody enters it any more",
            """
            An end takes its notification out of the list, then lowers the count of everybody it has entered. Here it lowers the counts
            first.
              host     end: nobody entered, nobody to tell
              update   publishes a slot, joins the notification, which is still in the list: the count is one
              host     leaves the list
            The count stays at one: every fault in the range starts again for ever.
            """,
            "create-vs-discard",
            [new(HostMemory, "MmuNotifiers.cs",
                "        InFlight.Remove(record);\n        if (record.EnteredCount != 0)\n        {\n            CallEnds(record);\n",
                "        CallEnds(record);\n        InFlight.Remove(record);\n        if (record.EnteredCount != 0)\n        {\n")],
            [VerdictKind.Invariant, VerdictKind.UnbalancedNotification, VerdictKind.Livelock, VerdictKind.DataRace])
        {
            Gate = "join",
        },
        new("joined-range-of-alias-forgotten", "Join: a notification may have entered the VM through another slot",
            """
            An update that joins a notification adds the new slot's part of its range, entered before or not: the same host pages lie at
            other gfns there. Here only one that enters now has its range added.
              vCPU     uses a page through slot 0
              host     discard of that page: has entered the VM through slot 0
              update   creates slot 1 over the same page: joined already, no range
              vCPU     fault in slot 1: not in the range; installs the frame that is about to go
            """,
            "alias-created-and-used-vs-discard",
            [new(Hypervisor, Join,
                "        Enter(range);\n        // Also",
                """
                        var before = Vm.Invalidation.InProgress;
                        Enter(range);
                        if (Vm.Invalidation.InProgress == before) return;
                        // Also
                """)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
        new("entered-outside-mmu-lock", "Join: whether a notification has entered the VM is asked and answered under mmu_lock",
            """
            A start asks whether it has entered the VM already with mmu_lock held, in the section in which it raises the count. Here it asks
            in a section of its own before.
              host     start for slot 0: enters the VM, has not raised the count yet
              update   creates slot 1 over the same page: the notification has entered already, no count to raise
              vCPU     fault in slot 1: nothing in progress; installs the frame
              host     raises the count, zaps slot 0, which is all it had found; frees the frame
            """,
            "alias-created-and-used-vs-discard",
            [new(Hypervisor, Join,
                "        Vm.MmuLock.WriteLock();\n        Enter(range);\n",
                """
                        Vm.MmuLock.WriteLock();
                        var enters = _entered.TryAdd(range.Id);
                        Vm.MmuLock.WriteUnlock();
                        Vm.MmuLock.WriteLock();
                        if (enters) Vm.Invalidation.Begin();

                """)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Gate = "join",
        },
    ];
}
