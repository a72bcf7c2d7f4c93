namespace Warren.Lab;

/// <summary>The dirty log: every write is in the harvest that follows it or in the one after.</summary>
internal static class DirtyLogVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Log = "DirtyLogging/DirtyLog.cs";
    private const string Ring = "DirtyLogging/DirtyRing.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("harvest-without-flush", "KVM; the 2012 dirty-log bug: GET must flush what it protected",
            """
            A harvest takes the marks and takes W from the marked pages; until TLBs are flushed vCPUs store without faulting. Here the flush
            is left out.
              vCPU   stores, with W in its TLB; the page is marked
              host   harvest: takes the mark and W, returns, copies the page
              vCPU   stores again through its TLB; nothing marks the page
            The last store is in no harvest.
            """,
            "stores-vs-harvest",
            [new(Hypervisor, Log, "if (Harvest(slot, bitmap, destination[..words])) _vm.FlushRemoteTlbs();",
                "Harvest(slot, bitmap, destination[..words]);")],
            [VerdictKind.Invariant]),
        new("fast-fault-marks-first", "KVM: the fast page fault marks after its compare-exchange has succeeded",
            """
            A store to a page that only dirty logging protects gives W back without a lock, then marks the page. Here the mark comes first.
              vCPU   store to a protected page: marks it
              host   harvest: takes the mark; W is away already
              vCPU   gives itself W back, stores
            """,
            "protected-store-vs-harvest",
            [new(Hypervisor, "Paging/Mmu.FastFault.cs", "            if (!SpteAccess.TryReplace(",
                "            if (logged) _vm.DirtyLog.MarkPageDirty(slot, fault.Gfn, fault.Vcpu);\n            if "
                    + "(!SpteAccess.TryReplace("),
             new(Hypervisor, "Paging/Mmu.FastFault.cs",
                 """
                             // After W, never before: a harvest in between would take the mark and leave the page writable and unlogged.
                             if (logged) _vm.DirtyLog.MarkPageDirty(slot, fault.Gfn, fault.Vcpu);
                 """, "")],
            [VerdictKind.Invariant]),
        new("marks-taken-in-two-steps", "KVM: GET takes each word by xchg",
            """
            The 64 marks of a word are taken by one exchange. Here the word is read, then zeroed.
              host   harvest: reads the word, page 0 is marked
              vCPU   store to page 1, without a lock: W, then its mark in the same word
              host   stores zero: the mark of page 1 is gone, and was not read
            """,
            "two-writers-vs-harvest",
            [new(Hypervisor, "DirtyLogging/DirtyBitmap.cs",
                "public ulong TakeWord(nuint index) => Atomics.Exchange(ref _bits[index], 0UL);",
                "public ulong TakeWord(nuint index)\n    {\n        ulong word = Word(index);\n        Atomics.Write(ref _bits[index], "
                    + "0UL);\n        return word;\n    }")],
            [VerdictKind.Invariant]),
        new("mark-set-without-atomic", "set_bit_le in mark_page_dirty must be atomic",
            """
            Marks of 64 pages share a word and are set by an atomic OR. Here the word is read, extended and stored.
              vCPU 0   store to page 0: reads the word
              vCPU 1   store to page 1: its mark goes in
              vCPU 0   stores the word without the mark of page 1
            """,
            "two-writers",
            [new(Hypervisor, "DirtyLogging/DirtyBitmap.cs", "if ((Atomics.Read(ref word) & bit) == 0) Atomics.Or(ref word, bit);",
                "Atomics.Write(ref word, Atomics.Read(ref word) | bit);")],
            [VerdictKind.Invariant]),
        new("logging-on-without-flush", "KVM: enabling logging ends with an unconditional remote flush",
            """
            Switching logging on takes W from every page of the slot and flushes, whatever it changed. Here nothing is flushed.
              vCPU   has W for the page in its TLB
              host   switches logging on: W is gone from the SPTE; returns
              vCPU   stores through its TLB: unlogged
            """,
            "store-vs-logging",
            [new(Hypervisor, "Paging/Mmu.DirtyLog.cs",
                "        // Unconditional: what lockless code gave or took meanwhile is told by MMU-writable, not by whether this walk "
                    + "changed anything.\n        _vm.FlushRemoteTlbs();\n", "")],
            [VerdictKind.Invariant]),
        new("logging-on-without-protection", "KVM: without INITIALLY_SET the pages are protected when logging begins",
            """
            Pages that are writable when logging is switched on must lose W, or their stores fault and are marked never. Here they keep it.
              host   switches logging on
              vCPU   stores to a page it has long had W for
            """,
            "store-vs-logging",
            [new(Hypervisor, "Paging/Mmu.DirtyLog.cs", "        ProtectSlot(after);\n", "")],
            [VerdictKind.Invariant]),
        new("ring-reset-without-flush", "KVM: resetting a ring protects the pages and flushes",
            """
            A reset takes W from the harvested pages, flushes, and hands the entries back. Here it does not flush.
              vCPU   stores; its ring has the page
              host   harvest, then reset: W is gone from the SPTE
              vCPU   stores again through its TLB: no entry
            """,
            "stores-vs-ring",
            [new(Hypervisor, Log, "            if (cleared > 0) _vm.FlushRemoteTlbs();\n", "")],
            [VerdictKind.Invariant]),
        new("ring-entry-published-early", "KVM: a ring entry is complete before its flag says dirty",
            """
            A ring entry is filled, flagged dirty, and only then counted as pushed. Here it is flagged and counted before it is filled.
              vCPU   pushes: flag, count
              host   harvest: takes the entry, with what stood there before
              vCPU   fills the entry
            The page that was written is in no harvest, another one is there twice.
            """,
            "stores-vs-ring",
            [new(Hypervisor, Ring,
                """
                        Shared.Write(ref entry->Gfn, gfn);
                        Atomics.Write(ref entry->Flags, Dirty);
                        Atomics.Write(ref _pushed, pushed + 1, this);
                """,
                """
                        Atomics.Write(ref entry->Flags, Dirty);
                        Atomics.Write(ref _pushed, pushed + 1, this);
                        Shared.Write(ref entry->Gfn, gfn);
                """)],
            [VerdictKind.Invariant, VerdictKind.DataRace]),
    ];
}
