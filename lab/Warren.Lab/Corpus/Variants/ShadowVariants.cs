namespace Warren.Lab;

/// <summary>Shadow paging: keeping in step with tables that the guest changes, and letting go of them.</summary>
internal static class ShadowVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Sync = "Shadow/ShadowMmu.Sync.cs";
    private const string Track = "Shadow/ShadowMmu.Track.cs";
    private const string Pages = "Shadow/ShadowMmu.Pages.cs";
    private const string Fault = "Shadow/ShadowMmu.Fault.cs";
    private const string Rmap = "Shadow/ShadowMmu.Rmap.cs";
    private const string Zap = "Shadow/ShadowMmu.Zap.cs";
    private const string GuestTables = "Vcpus/Vcpu.GuestTables.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("child-linked-before-it-is-synced", "65855ed8b034: synchronize the shadow page table before it is linked",
            """
            A shadow page that exists already may differ from its table, if it went unsync under another root. Here it is linked as it is.
              vcpu0   stores to a table of the last level: its shadow is unsync, and those above it under vcpu0's root are marked
              vcpu1   fences: under its own root nothing is marked; faults, and links that page
            The SPTE it finds there is from before the store, and its fence is past.
            """,
            "link-unsync-child",
            [new(Hypervisor, Pages, "return SyncTree(page, ref flush) ? page : null;", "return page;")],
            [VerdictKind.Invariant]),
        new("unsync-without-marks", "ce25681d59ff: marking a page unsync, and its parents, must not race",
            """
            A page that goes unsync is marked in every table above it, so that a fence finds it from the root. Here the page alone knows; in
            KVM the marks were lost when two faults set them at once.
              vcpu0   stores to a table: its shadow is unsync
              vcpu1   fences: its root has no mark, nothing to be done; reads through the old SPTE
            """,
            "unsync-vs-fence",
            [new(Hypervisor, Sync, "            UnsyncMarks.MarkParents(page);\n        }\n        return true;",
                "        }\n        return true;")],
            [VerdictKind.Invariant]),
        new("table-read-before-the-flush", "design: a table is read when nobody can write to it unnoticed any more",
            """
            Bringing a page in step takes W from its table and has every vCPU drop its TLB before the table is read. Here it is read first.
              vcpu1   fences: takes W from the SPTE, reads the table: as the SPTEs are
              vcpu0   stores to the table through its TLB
              vcpu1   flushes, calls the page in step
            The page is no longer unsync, so no fence will look at it again.
            """,
            "sync-vs-write",
            [new(Hypervisor, Sync, "            if (writable) _vm.FlushRemoteTlbs();\n            flush = false;",
                "            flush = writable;")],
            [VerdictKind.Invariant]),
        new("new-table-watched-without-flush",
            "The missed flush of rmap_write_protect; kvm_mmu_get_page flushes when it has protected a new page's table",
            """
            When a page of the guest comes into use as a table it loses W everywhere, and every vCPU drops its TLB, before the first entry
            is read from it. Here the flush comes with the others at the end of the fault.
              vcpu0   has the page writable in its TLB
              vcpu1   faults through the page: takes W from it, reads the entry, installs an SPTE
              vcpu0   stores to that entry
              vcpu1   flushes
            The shadow page is in step with what the entry was.
            """,
            "fast-write-vs-tracking",
            [new(Hypervisor, Track,
                "        if (WriteProtectGfn(slot, page->Gfn) || flush)\n        {\n            _vm.FlushRemoteTlbs();\n            flush "
                    + "= false;\n        }", "        flush |= WriteProtectGfn(slot, page->Gfn);")],
            [VerdictKind.Invariant]),
        new("tracking-leaves-mmu-writable", "KVM: write protection for shadowing clears MMU-writable too, for dirty logging only W",
            """
            MMU-writable says that W may be given back without a lock. Taking W from a page because it holds a table must take that, too.
            Here it stays.
              vcpu1   faults through a table: takes W from its page
              vcpu0   stores to that page: finds MMU-writable, sets W without a lock, stores
            Nobody follows the store.
            """,
            "fast-write-vs-tracking",
            [new(Hypervisor, Rmap, "SpteAccess.ClearBitsExclusive(spte, Spte.W | Spte.MmuWritableBit);",
                "SpteAccess.ClearBitsExclusive(spte, Spte.W);")],
            [VerdictKind.Invariant]),
        new("entries-not-read-again", "KVM: FNAME(gpte_changed), each level is read again under mmu_lock",
            """
            A fault walks the guest's tables without a lock. Under mmu_lock, once a table is watched, each entry is read again, and must be
            what the walk saw. Here it is taken on trust.
              vcpu1   fault: walks the tables
              vcpu0   turns the middle table to another last one
              vcpu1   takes mmu_lock, links the old one
            The middle table is watched, but the store came before.
            """,
            "tracked-write-vs-fault",
            [new(Hypervisor, Fault, "            if (!below && !IsUnchanged(child, rootPage, ref walk, level - 1)) return null;\n", "")],
            [VerdictKind.Invariant]),
        new("tracked-store-not-followed",
            "design: kvm_mmu_track_write; a store to a table that is watched changes its shadow in the same section of mmu_lock",
            """
            A store to a table above the last level traps, and is done under mmu_lock together with the change of the SPTE. Here the SPTE
            stays.
              vcpu1   has linked the old table
              vcpu0   stores another into the entry
              vcpu1   fences: a middle table is never unsync, nothing to be done; reads through the old link
            """,
            "tracked-write-vs-fault",
            [new(Hypervisor, Track, "for (var i = offset >> 3; i <= offset + length - 1 >> 3; i++) SyncEntry(page, i, ref flush);", "")],
            [VerdictKind.Invariant]),
        new("lost-sptes-not-flushed", "KVM: FNAME(sync_spte) tells the caller to flush when an SPTE lost its frame",
            """
            A fence on one vCPU takes SPTEs away. Others may keep the translation until their own fence, as far as the guest is concerned.
            Here they do.
              vcpu1   has page A in its TLB
              vcpu0   fences: the SPTE for A goes, and no flush
              host    discards A: no SPTE, nothing to be flushed; the frame is freed
              vcpu1   reads the freed frame
            """,
            "lost-sptes-vs-discard",
            [new(Hypervisor, Sync, "            if (done) SyncAliases(ref flush);\n            if (flush) _vm.FlushRemoteTlbs();",
                "            if (done) SyncAliases(ref flush);")],
            [VerdictKind.UseAfterFree, VerdictKind.Invariant]),
        new("rmap-under-the-wrong-gfn", "0cb2af2ea66a (CVE-2026-46113): use after free due to an unexpected gfn",
            """
            The reverse map that an SPTE is in is found by the gfn it was made for, which is kept beside it. Here the guest's entry is read
            instead, as it stands now.
              vcpu0   turns the entry from page A to page B
              vcpu1   fences: the SPTE for A goes; it is looked for in the reverse map of B
            It stays in that of A, which leads to freed memory as soon as its table goes.
            """,
            "sync-vs-write",
            [new(Hypervisor, Pages, "RemoveRmap(role.AddressSpaceId, page->GfnAt(index, role.Level), role.Level, spte);",
                "RemoveRmap(role.AddressSpaceId, page->GuestTable == null ? page->GfnAt(index, role.Level) : "
                    + "PageFormat!.Decode(page->GuestTable[index], role.Level, index).Gfn, role.Level, spte);")],
            [VerdictKind.Invariant]),
        new("tables-survive-their-notification",
            "design: the frame of a table in use needs no reference, since the notification takes the shadow away",
            """
            A notification takes away what maps its pages, and the shadows of the tables in them. Here only the former.
              vcpu   faults through a table: its shadow points at the table's frame
              host   discards the page of the table; the frame is freed
            The next fence reads the guest's entries from a frame that belongs to somebody else.
            """,
            "discarded-table-vs-fault",
            [new(Hypervisor, Rmap, "                ZapTablesInRange(slot, huge, Gfn.Min(last, NextGfn(huge, 2)), ref zapped);\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("unaccount-forgotten", "KVM: unaccount_shadowed when a page is zapped",
            """
            A page in use as a table is counted in its slot: tracked, and not to be mapped by a huge SPTE. Here a page that is zapped stays
            counted.
              vcpu   writes to its table as to data: the shadow is zapped
            From now on each store to that page traps for ever, and its 2 MiB are never huge again.
            """,
            "root-zapped-in-use",
            [new(Hypervisor, Zap, "        if (!page->Role.Direct) Unaccount(page);\n", "")],
            [VerdictKind.Invariant]),
        new("table-of-an-invalid-slot", "fcd1ec9cb59c: slot deletion left shadow pages whose guest table lies in the slot",
            """
            From a slot that is marked invalid no shadow page is made: all that there were have just been zapped. Here the mark is not
            looked at.
              host   deletes the slot with the table: marks it, zaps everything
              vcpu   lets go of its root and looks for another: the table is still there, so a shadow page is made, and counted in the slot
              host   publishes the slots without that one, frees its counts
            The page is left, and when it goes its count is looked for in freed memory.
            """,
            "slot-with-root-deleted",
            [new(Hypervisor, Pages, "if (slot is null || slot.IsInvalid) return false;", "if (slot is null) return false;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.Exception]),
        new("dirty-bit-in-a-lost-frame", "design: D is set like a store of the guest, under mmu_lock with the invalidation sequence asked",
            """
            A walk sets D in the guest's entry: it asks the host for the frame of the table, takes mmu_lock, asks whether an invalidation
            has come between, stores. Here it does not ask.
              vcpu   walk: finds the frame of the table
              host   discards the page; the frame is freed
              vcpu   takes mmu_lock, stores into the freed frame
            """,
            "dirty-bit-vs-discard",
            [new(Hypervisor, GuestTables, ": !_vm.Invalidation.RetryGfn(sequence, gfn);", ": sequence != ulong.MaxValue;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
    ];
}
