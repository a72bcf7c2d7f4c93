namespace Warren.Lab;

/// <summary>
/// The MMU's data per slot: slots_arch_lock done and undone, and reverse maps allocated when the first shadow root is made.
/// </summary>
internal static class RmapVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Memslots = "VirtualMachine.Memslots.cs";
    private const string FirstRoot = "Shadow/LazyRmaps.cs";
    private const string Rmap = "Shadow/ShadowMmu.Rmap.cs";
    private const string DirtyLog = "Shadow/ShadowMmu.DirtyLog.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("arch-lock-kept-when-duplication-fails", "Review of the slots_arch_lock series: no unlock when duplicating the memslots fails",
            """
            slots_arch_lock is held while the new set is built and let go on every path. Here not on the path where building it fails.
              host   update: takes the lock; the set cannot be allocated; returns ENOMEM with the lock held
            The next update, or the first shadow root, waits for ever.
            """,
            "failed-create",
            [new(Hypervisor, Memslots, "        Memslots published;\n", "        Memslots published;\n        var building = false;\n"),
             new(Hypervisor, Memslots, "            Step(MemslotStep.Publish);\n",
                 "            building = true;\n            Step(MemslotStep.Publish);\n            building = false;\n"),
             new(Hypervisor, Memslots, "            SlotsArchLock.Unlock();\n        }\n        AwaitReaders();",
                 "            if (!building) SlotsArchLock.Unlock();\n        }\n        AwaitReaders();")],
            [VerdictKind.LockLeak, VerdictKind.Deadlock]),
        new("arch-lock-kept-when-prepare-fails",
            "Review of the slots_arch_lock series: no unlock when arch prepare fails for CREATE or FLAGS_ONLY",
            """
            The other forgotten unlock: preparing the architecture's part fails, since there is no memory for the slot's reverse maps, and
            the update is no deletion and no move, which have a way back that unlocks.
              host   creation: takes slots_arch_lock; prepare fails; returns the error with the lock held
            """,
            "failed-create",
            [new(Hypervisor, Memslots, "        Memslots published;\n", "        Memslots published;\n        var prepared = false;\n"),
             new(Hypervisor, Memslots, "            PrepareMemoryRegion(old, slot, change);\n",
                 "            PrepareMemoryRegion(old, slot, change);\n            prepared = true;\n"),
             new(Hypervisor, Memslots, "            SlotsArchLock.Unlock();\n        }\n        AwaitReaders();",
                 "            if (prepared || goes) SlotsArchLock.Unlock();\n        }\n        AwaitReaders();")],
            [VerdictKind.LockLeak, VerdictKind.Deadlock]),
        new("arch-lock-held-over-grace-period", "KVM: unlock slots_arch_lock before synchronize_srcu",
            """
            slots_arch_lock may be taken inside an SRCU read section, so nobody may wait for readers with it held. Here the update unlocks
            after the grace period.
              reader   enters its read section
              host     update: takes slots_arch_lock, publishes, waits for the reader
              reader   wants slots_arch_lock
            Each waits for the other.
            """,
            "first-root-vs-flags",
            [new(Hypervisor, Memslots,
                "            // Before the grace period: a reader that is waited for may be waiting for this lock.\n            "
                    + "SlotsArchLock.Unlock();\n        }\n        AwaitReaders();\n",
                    "        }\n        AwaitReaders();\n        SlotsArchLock.Unlock();\n")],
            [VerdictKind.Deadlock, VerdictKind.LockOrder]),
        new("stale-arch-copy", "Review of the slots_arch_lock series: the old slot's arch part copied before the lock was taken again",
            """
            What the MMU keeps per slot is read under slots_arch_lock, held until the new slot is published. Here it is read before the lock
            is taken.
              host     change of flags: reads the old slot's reverse maps: none
              reader   first shadow root: takes slots_arch_lock, allocates them for every slot, done
              host     takes slots_arch_lock, publishes the new slot without any
            """,
            "first-root-vs-flags",
            [new(Hypervisor, Memslots, "        Memslots published;\n        SlotsArchLock.Lock();\n",
                "        Memslots published;\n        var arch = old?.Rmaps;\n        SlotsArchLock.Lock();\n"),
             new(Hypervisor, Memslots, "            PrepareMemoryRegion(old, slot, change);\n",
                 "            PrepareMemoryRegion(old, slot, change);\n            if (change == MemslotChange.FlagsOnly) slot!.Rmaps = "
                     + "arch;\n")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("arch-copied-backwards", "Review of the slots_arch_lock series: the copy helper's arguments the wrong way round",
            """
            The new slot takes over what the MMU keeps for the old one. Here the arguments of the copy are swapped, the destination first as
            memcpy has it and the helper has not: the old slot gets the empty part of the new one, which is published.
            """,
            "first-root-vs-flags",
            [new(Hypervisor, Memslots, "slot.Rmaps = old!.Rmaps;", "old!.Rmaps = slot.Rmaps;")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("published-outside-arch-lock", "KVM: hold slots_arch_lock until the new pointer is installed",
            """
            The rule is: from before the slots are read until the new set is published. Here the lock is let go in between.
              host     creation: no shadow root yet, so no reverse maps; unlocks
              reader   first shadow root: allocates for every slot of the published set, raises the flag
              host     publishes the new slot, which has none
            """,
            "first-root-vs-create",
            [new(Hypervisor, Memslots, "            Step(MemslotStep.Publish);\n",
                "            SlotsArchLock.Unlock();\n            Step(MemslotStep.Publish);\n"),
             new(Hypervisor, Memslots,
                 "            // Before the grace period: a reader that is waited for may be waiting for this lock.\n            "
                     + "SlotsArchLock.Unlock();\n        }", "        }")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("arch-prepared-before-arch-lock",
            "KVM: a new slot's rmaps are allocated or not under slots_arch_lock, so that no slot can be missed",
            """
            Whether a new slot needs reverse maps is asked under slots_arch_lock, which is held until the slot is published. Here it is
            asked before.
              host   creation: no shadow root yet, so no reverse maps
              vCPU   first shadow root: allocates for every published slot, raises the flag
              host   takes the lock, publishes a slot without any
            """,
            "first-root-vs-create",
            [new(Hypervisor, Memslots, "            PrepareMemoryRegion(old, slot, change);\n", ""),
             new(Hypervisor, Memslots, "        Memslots published;\n        SlotsArchLock.Lock();\n",
                 "        Memslots published;\n        PrepareMemoryRegion(old, slot, change);\n        SlotsArchLock.Lock();\n")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("rmaps-leaked-on-failed-create", "KVM: arch prepare that fails later frees what it allocated",
            """
            Reverse maps made for a slot that is then not published must go. Here they are forgotten.
            No interleaving is needed, only the failure, which is one of the explorer's choices.
            """,
            "failed-create",
            [new(Hypervisor, "Shadow/ShadowMmu.cs", "public override void FreeMemoryRegion(Memslot slot) => slot.Rmaps?.Dispose();",
                "public override void FreeMemoryRegion(Memslot slot) { if (_vm.GetMemslots(slot.AddressSpaceId).Find(slot.BaseGfn) is not "
                    + "null) slot.Rmaps?.Dispose(); }")],
            [VerdictKind.Invariant]),
        new("rmaps-freed-without-grace-period", "KVM: the old slot's rmaps go after synchronize_srcu",
            """
            A notification walks the reverse maps of a slot it found inside its read section. The update waits for such readers before it
            frees them. Here it does not.
              host 1   notification: has found the slot; waits for mmu_lock
              host 2   deletion: publishes, frees the reverse maps
              host 1   looks through freed memory for what maps the page
            """,
            "notification-vs-slot-deleted",
            [new(Hypervisor, Memslots, "        AwaitReaders();\n        var generation", "        var generation")],
            [VerdictKind.UseAfterFree, VerdictKind.Exception, VerdictKind.Invariant]),
        new("first-root-without-second-look", "mmu_first_shadow_root_alloc: recheck the flag under slots_arch_lock",
            """
            Two vCPUs want the first root. The one that comes second to slots_arch_lock must look again whether there still is something to
            do. Here it does not.
              vCPU 0   allocates, raises the flag, maps pages
              vCPU 1   allocates: every slot gets empty reverse maps, and no notification finds what vCPU 0 mapped
            """,
            "two-first-roots",
            [new(Hypervisor, FirstRoot, "var error = Present ? null : AllocateRmaps();", "var error = AllocateRmaps();")],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
        new("first-root-flag-raised-early", "mmu_first_shadow_root_alloc: store-release of the flag after the rmaps of every slot",
            """
            Whoever reads the flag takes it that every slot has its reverse maps. Here it is raised before they are stored.
              vCPU   first shadow root: raises the flag
              host   notification: the flag is raised; the slot has no reverse maps
              vCPU   stores them
            """,
            "first-root-vs-notification",
            [new(Hypervisor, FirstRoot, "        foreach (var (slot, rmaps) in made) slot.Rmaps = rmaps;\n",
                "        Atomics.Write(ref _present, true, this);\n        foreach (var (slot, rmaps) in made) slot.Rmaps = rmaps;\n")],
            [VerdictKind.Exception, VerdictKind.DataRace]),
        new("first-root-keeps-lock-when-it-fails", "Review of the slots_arch_lock series, for its other user: unlock on every error path",
            """
            The first root fails to allocate and returns ENOMEM. Here with slots_arch_lock held.
              vCPU   first shadow root: takes the lock; no memory; returns
              host   the next update waits for ever
            """,
            "first-root-allocations-fail",
            [new(Hypervisor, FirstRoot, "        vm.SlotsArchLock.Unlock();\n",
                "        if (error is null) vm.SlotsArchLock.Unlock();\n")],
            [VerdictKind.LockLeak, VerdictKind.Deadlock]),
        new("first-root-keeps-half", "All or nothing: slots that got reverse maps before the failure are as they were",
            """
            When the allocation for one slot fails, those before it have theirs already, and give them back. Here they keep them, and the
            flag stays down.
              vCPU   first shadow root: slot 0 has its reverse maps, none for slot 1; returns ENOMEM
              vCPU   the next try allocates for slot 0 again, and what it had is lost
            """,
            "first-root-allocations-fail",
            [new(Hypervisor, FirstRoot, "                foreach (var slot in vm.GetMemslots(i)) made.Add((slot, NewRmaps(slot)));\n",
                "                foreach (var slot in vm.GetMemslots(i)) made.Add((slot, slot.Rmaps = NewRmaps(slot)));\n"),
             new(Hypervisor, FirstRoot, "            foreach (var (_, rmaps) in made) rmaps.Dispose();\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("spte-without-reverse-map", "KVM: rmap_add in mmu_set_spte",
            """
            An SPTE is entered into the reverse map of its gfn in the section that sets it. Here it is set and not entered.
              vCPU   fault: installs the SPTE
              host   notification: finds nothing that maps the page; frees it
              vCPU   goes on using it
            """,
            "shadow-access-vs-discard",
            [new(Hypervisor, Rmap, "return head->TryAdd(spte, ref cache);", "return head->IsEmpty | true;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("rmap-unmap-without-flush", "KVM: kvm_unmap_gfn_range says that remote TLBs must be flushed",
            """
            A notification that dropped an SPTE flushes before it lets mmu_lock go. Here it forgets to say that it dropped one.
              vCPU   has the page in its TLB
              host   notification: drops the SPTE, returns; frees the page
              vCPU   goes on using it
            """,
            "shadow-access-vs-discard",
            [new(Hypervisor, Rmap, "                    flush = true;\n                    if (mayBlock)",
                "                    if (mayBlock)")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("rmap-yield-without-flush", "a835429cda91: flush TLBs when yielding, for the walk over reverse maps",
            """
            Whoever drops mmu_lock in the middle flushes what was zapped so far: the next holder sees no SPTE and believes that there is
            nothing to flush. Here it does not.
              host 1   notification for two pages: drops the first SPTE, yields
              host 2   notification for the first page: finds nothing, flushes nothing, frees it
              vCPU     goes on using it out of its TLB
            """,
            "shadow-access-vs-overlapping-discards",
            [new(Hypervisor, Rmap,
                "        if (flush && zapped.IsEmpty) _vm.FlushRemoteTlbs();\n        CommitZap(ref zapped);\n        flush = false;\n",
                "        CommitZap(ref zapped);\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Exposure = [new(Hypervisor, Rmap, "private const int YieldInterval = 64;", "private const int YieldInterval = 1;")],
        },
        new("rmap-aging-without-mmu-lock", "KVM: reverse maps are walked under mmu_lock (lockless aging needed a lock bit in each head)",
            """
            Aging walks reverse maps with mmu_lock held for read: faults and zaps change them with it held for write. Here it walks without.
              host   aging: reads the head of the gfn
              vCPU   fault: adds an SPTE to it
            """,
            "aging-vs-first-fault",
            [new(Hypervisor, Rmap, "        _mmuLock.ReadLock();\n        var slots", "        var slots"),
                new(Hypervisor, Rmap, "        _mmuLock.ReadUnlock();\n        return young;", "        return young;")],
            [VerdictKind.DataRace, VerdictKind.Exception]),
        new("rmap-harvest-leaves-w", "KVM: kvm_arch_mmu_enable_log_dirty_pt_masked",
            """
            A harvest takes the marks, then W of the pages marked, through their reverse maps. Here it takes only the marks.
              host   harvest: takes the mark of the page
              vCPU   writes to the page, which is still writable: no fault, no mark, in no log
            """,
            "shadow-dirty-log-get-vs-write",
            [new(Hypervisor, DirtyLog, "            SpteAccess.ClearBitsExclusive(spte, Spte.W | Spte.D);\n",
                "            SpteAccess.ClearBitsExclusive(spte, Spte.D);\n")],
            [VerdictKind.Invariant]),
        new("rmap-logging-on-without-protection", "KVM: kvm_mmu_slot_apply_flags",
            """
            When logging is switched on, what was writable before is protected. Here it stays writable.
              vCPU   has written to the page
              host   switches logging on
              vCPU   writes again: no fault, no mark
            """,
            "shadow-slot-logging-vs-write",
            [new(Hypervisor, "Paging/Mmu.DirtyLog.cs", "        ProtectSlot(after);\n", "")],
            [VerdictKind.Invariant]),
        new("tracked-page-hidden-by-stale-slot",
            "The counts of a slot exist from the first root on, which a device that holds an older object of the slot does not see",
            """
            Whether a page holds tables is asked of the slot's counts, where the slot has them. A device's slot object may be older than the
            first root and have none: then the hash is asked. Here the counts are read without the flag that says that they are there.
              vCPU   first shadow root: stores the counts of every slot
              host   a device writes: reads them
            """,
            "shadow-host-write-vs-cow-break",
            [new(Hypervisor, "Shadow/ShadowMmu.Track.cs", "!Rmaps.Present || slot.Rmaps is { } rmaps && rmaps.DisallowHuge(gfn) == 0;",
                "slot.Rmaps is not { } rmaps || rmaps.DisallowHuge(gfn) == 0;")],
            [VerdictKind.DataRace]),
    ];
}
