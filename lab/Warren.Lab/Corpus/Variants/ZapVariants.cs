namespace Warren.Lab;

/// <summary>Invalidations as a VM sees them, zaps, and the flushes that must follow.</summary>
internal static class ZapVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string State = "Invalidation/InvalidationState.cs";
    private const string Gate = "Invalidation/InvalidationGate.cs";
    private const string ZapAndUnlock = "        Zap(range, regions);\n        Vm.MmuLock.WriteUnlock();\n";
    private const string UnlockAndFlush =
        "        var flush = Zap(range, regions);\n        Vm.MmuLock.WriteUnlock();\n        if (flush) Vm.FlushRemoteTlbs();\n";
    private const string Roots = "Tdp/TdpMmu.Roots.cs";
    private const string FastZap = "Paging/Mmu.FastZap.cs";
    private const string Zap = "Tdp/TdpMmu.Zap.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("end-without-sequence", "Mutation of kvm_mmu_invalidate_end: seq++ dropped",
            """
            The end of an invalidation steps the sequence and drops the count. Without the step a fault that spans the whole invalidation
            notices nothing.
              vCPU   fault: snapshot, finds the frame
              host   start, the page goes, end
              vCPU   under mmu_lock: nothing in progress, and the sequence is the one of the snapshot: installs the old frame
            """,
            "fault-vs-discard",
            [new(Hypervisor, State, "        Bump();\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("count-before-sequence", "Mutation of kvm_mmu_invalidate_end: count-- before seq++",
            """
            The sequence moves before the count drops: a reader without mmu_lock that sees the lower count also sees the new sequence. Here
            the order is the other.
              reader   snapshot; finds the frame
              host     start, the page goes; end: the count is 0
              reader   reads the count, 0, and the sequence, still that of the snapshot: takes the frame for current
              host     steps the sequence
            Under mmu_lock nothing shows; a pfn cache, which decides without it, is lost.
            """,
            "lockless-consumer",
            [new(Hypervisor, State,
                "        Bump();\n        Atomics.Write(ref _state.InProgress, inProgress - 1, this);\n",
                "        Atomics.Write(ref _state.InProgress, inProgress - 1, this);\n        Bump();\n")],
            [VerdictKind.Invariant]),
        new("range-not-united", "KVM: the range is a union while anything is in progress",
            """
            The range that faults keep out of is the union of all open invalidations. Here the last one's range replaces it.
              host 1   starts to invalidate page 0
              host 2   starts to invalidate page 1: the range is now page 1
              vCPU     fault on page 0: finds its frame, which is still there; not in the range; installs it
              host 1   gives the frame up
            """,
            "fault-vs-disjoint-discards",
            [new(Hypervisor, State, "else SetRange(Math.Min(oldStart, start.Value), Math.Max(oldEnd, end.Value));",
                "else SetRange(start.Value, end.Value);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("range-reset-by-nested-start", "KVM: the range is reset only when the count goes from 0 to 1",
            """
            The first open invalidation empties the range, the others add to it. Here each one empties it.
              host 1   starts to invalidate page 0
              host 2   starts to invalidate page 1: forgets page 0
              vCPU     fault on page 0 is let through, and maps what host 1 is about to free
            """,
            "fault-vs-disjoint-discards",
            [new(Hypervisor, State, "if (inProgress == 1) SetRange(Unset, Unset);", "SetRange(Unset, Unset);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("flush-after-unlock", "Mutation: the flush moved behind the unlock",
            """
            A start that zapped something flushes before it drops mmu_lock, for the next holder will find nothing left to zap and owe no
            flush. Here it unlocks first.
              host 1   start: zaps the SPTE, drops mmu_lock
              host 2   start of the same page: nothing to zap, returns, frees the frame
              vCPU     in guest mode all the time, uses the frame out of its TLB
              host 1   flushes
            """,
            "access-vs-two-discards",
            [new(Hypervisor, Gate, "protected void Zap(", "protected bool Zap("),
             new(Hypervisor, Gate, "        if (flush) Vm.FlushRemoteTlbs();\n", "        return flush;\n"),
             new(Hypervisor, "Invalidation/ActiveCountGate.cs", ZapAndUnlock, UnlockAndFlush),
             new(Hypervisor, "Invalidation/JoinGate.cs", ZapAndUnlock, UnlockAndFlush)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("zap-without-flush", "KVM: the invalid list freed without a flush",
            """
            A start zaps the SPTE and reports that a flush is owed; here nobody pays.
              vCPU   in guest mode with the page in its TLB
              host   start: zaps, returns; the frame is freed and given to somebody else
              vCPU   stores to it
            """,
            "access-vs-discard",
            [new(Hypervisor, Gate, "        if (flush) Vm.FlushRemoteTlbs();\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("yield-with-flush-pending", "a835429cda91 and 048f49809c52: a zap that drops mmu_lock with a flush outstanding",
            """
            A long zap drops mmu_lock for those who wait, after it has flushed what it zapped so far. Here it drops it with the flush still
            to come.
              host 1   start over pages 0 and 1: zaps page 0, somebody waits, drops mmu_lock
              host 2   start over page 0: nothing to zap, no flush owed; frees the frame
              vCPU     uses page 0 out of its TLB
            A zap yields every 64 entries; the scenario has it yield after each.
            """,
            "access-vs-overlapping-discards",
            [new(Hypervisor, "Tdp/TdpMmu.cs", "        if (flush) _vm.FlushRemoteTlbs();\n        flush = false;\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            Exposure = [new(Hypervisor, "Tdp/TdpMmu.cs", "private const int YieldInterval = 64;", "private const int YieldInterval = 1;")],
        },
        new("aging-goes-on-in-an-obsolete-root", "Found beside code-marked-below-an-obsolete-root, by reading",
            """
            Aging walks valid roots with mmu_lock shared, and drops it for those who wait. When it has it back its root may be obsolete,
            and the zap that takes it apart shares the lock. Here it starts again from that root all the same.
              host 1   aging: the first page; drops mmu_lock
              host 2   zap: makes the root obsolete, takes mmu_lock shared, empties the root
              host 1   mmu_lock shared: walks down to a table
              host 2   unlinks the table, waits for nobody, frees it
              host 1   reads the table
            """,
            "aging-vs-zap",
            [new(Hypervisor, "Tdp/TdpMmu.Aging.cs", "|| YieldRead(ref cursor) && IsObsolete(root)) break;",
                ") break;\n                YieldRead(ref cursor);")],
            [VerdictKind.UseAfterFree])
        {
            Exposure = [new(Hypervisor, "Tdp/TdpMmu.cs", "private const int YieldInterval = 64;", "private const int YieldInterval = 1;")],
        },
        new("zap-only-valid-roots", "KVM: an unmap by notifier must walk every root, invalid ones too",
            """
            Pages may be freed as soon as a start has returned, so its zap walks obsolete roots too, although no vCPU can reach them. Here
            it skips them.
              host 1   deletion of another slot: makes the root obsolete, has not zapped it yet
              host 2   discard: finds no valid root, zaps nothing; the frame is freed
              host 1   zaps the root: reads (and would propagate A and D from) an SPTE to a frame that is somebody else's
            """,
            "use-vs-delete-and-discard",
            [new(Hypervisor, Zap, "while (NextRoot(ref root, addressSpaceId, validOnly: false))",
                "while (NextRoot(ref root, addressSpaceId, validOnly: true))")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("obsolete-root-taken-for-unused", "KVM: no flush is owed for an obsolete root only because its vCPUs have let go of it",
            """
            Roots become obsolete under mmu_lock; that vCPUs let go of them is asked then, and awaited with the lock free, since a vCPU
            whose thread is off the CPU would keep it held. Until then what is unmapped from an obsolete root is flushed like anything else.
            Here it counts as out of reach at once.
              host 1   deletion of another slot: roots obsolete, request made, unlocks
              host 2   discard: zaps the SPTE in the obsolete root; owes no flush, for no vCPU can be in it
              vCPU     is in it, in guest mode with the page in its TLB, and has not looked at its requests
              host 2   frees the frame; the vCPU uses it
            """,
            "use-vs-delete-and-discard",
            [new(Hypervisor, Zap, "flush |= !IsObsolete(root) || Shared.Read(ref _obsoleteInUse, this) != 0;",
                "flush |= !IsObsolete(root);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("reload-request-not-awaited", "KVM: KVM_REQ_MMU_FREE_OBSOLETE_ROOTS without WAIT",
            """
            The zap of everything waits until each vCPU has left guest mode once: then nobody walks the obsolete tables, and they may be
            freed. Here the request is made and not waited for.
              vCPU   in guest mode, walks the root
              host   deletion: roots obsolete, request, zap, tables freed, returns
              vCPU   still in guest mode with the deleted slot's page in its TLB, or in a table that is freed
            """,
            "delete-vs-access",
            [new(Hypervisor, FastZap, "        _vm.AwaitRequest(vcpus, sections);\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("reload-not-requested", "KVM: the zap without KVM_REQ_MMU_RELOAD",
            """
            Obsolete roots are out of use once each vCPU has served the request to let go of them. Here nobody is asked.
              vCPU   has the slot's page in its TLB
              host   deletion: roots obsolete, zap, returns
              vCPU   goes on using the page of a slot that is gone
            """,
            "delete-vs-access",
            [new(Hypervisor, FastZap, "        if (any) VirtualMachine.PostRequest(vcpus, VcpuRequest.FreeObsoleteRoots, sections);\n", ""),
             new(Hypervisor, FastZap, "        _vm.AwaitRequest(vcpus, sections);\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("roots-invalidated-under-read-lock", "47b0c2e4c220's kind: work that needs mmu_lock for write, done with it shared",
            """
            Roots become obsolete with mmu_lock held for write, so that no fault is between its look at the root and its SPTE. Here the lock
            is shared.
              vCPU   fault, mmu_lock shared: the root is current
              host   deletion of another slot, mmu_lock shared: root obsolete, request, zap of what is there
              vCPU   installs its SPTE in the root that has been emptied
            """,
            "delete-of-another-slot-vs-fault",
            [new(Hypervisor, FastZap,
                "        _mmuLock.WriteLock();\n        var since = Stopwatch.GetTimestamp();\n        var any",
                "        _mmuLock.ReadLock();\n        var since = Stopwatch.GetTimestamp();\n        var any"),
             new(Hypervisor, FastZap,
                "        _mmuLock.WriteUnlock();\n        _counters.FastZaps++;",
                "        _mmuLock.ReadUnlock();\n        _counters.FastZaps++;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.DataRace]),
        new("zap-all-and-restart", "kvm_mmu_zap_all before fast invalidation (2013, and again in 2019): the loop that vCPUs feed",
            """
            Zapping everything makes the roots obsolete, and has as much to do as there was at that moment. Here it zaps the current tables
            entry by entry, lets go of mmu_lock after each, and starts again from the first until it finds nothing.
              host   zaps an entry, drops mmu_lock
              vCPU   faults, maps its page anew
              host   starts again: there is an entry
            vCPUs that keep faulting keep it busy: each pass ends, the loop does not.
            """,
            "zap-all-under-load",
            [new(Hypervisor, Roots,
                "    internal override bool InvalidateAll()\n    {\n        var any = false;",
                """
                    internal override bool InvalidateAll()
                    {
                        for (bool found = true; found;)
                        {
                            found = false;
                            SpteTable at = default;
                            while (NextRoot(ref at, -1, validOnly: true))
                            {
                                TdpCursor cursor = new(at, default, VirtualMachine.EndGfn);
                                while (!found && cursor.NextLeaf())
                                {
                                    if (cursor.IsPause) continue;
                                    SpteAccess.Exchange(cursor.Entry, default);
                                    found = true;
                                }
                            }
                            if (found) _vm.FlushRemoteTlbs();
                            _mmuLock.WriteUnlock();
                            _mmuLock.WriteLock();
                        }
                        return false;
                    }

                    private bool InvalidateAllRoots()
                    {
                        bool any = false;
                """),
             new(Hypervisor, "Tdp/TdpMmu.cs", "        InvalidateAll();", "        InvalidateAllRoots();")],
            [VerdictKind.Livelock, VerdictKind.Starvation]),
        new("end-under-read-lock", "KVM: the counts are written with mmu_lock held for write",
            """
            Both halves of a notification take mmu_lock for write. Here the end takes it shared: the count is written while faults read it,
            and two ends may meet in one store. The assertion in the code that writes it says so at the first notification.
            """,
            "fault-vs-discard",
            [new(Hypervisor, "Invalidation/JoinGate.cs",
                "        Vm.MmuLock.WriteLock();\n        _entered.Remove(range.Id);\n        Vm.Invalidation.End();\n        "
                    + "Vm.MmuLock.WriteUnlock();",
                "        Vm.MmuLock.ReadLock();\n        _entered.Remove(range.Id);\n        Vm.Invalidation.End();\n        "
                    + "Vm.MmuLock.ReadUnlock();")],
            [VerdictKind.Exception, VerdictKind.LockLeak]),
    ];
}
