namespace Warren.Lab;

/// <summary>The page fault: its snapshot, its checks, and how it installs an SPTE.</summary>
internal static class FaultVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Fault = "Paging/Mmu.Fault.cs";
    private const string TdpFault = "Tdp/TdpMmu.Fault.cs";
    private const string Covered = "VirtualMachine.Invalidation.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("fault-without-retry-check", "The duty of every user of MMU notifiers (mmu_invalidate_retry_gfn)",
            """
            A fault takes a snapshot of the invalidation sequence, asks the host for the frame, and asks under mmu_lock whether an
            invalidation began or ended since. Here the last question is missing; the guess before mmu_lock is all there is.
              vCPU   fault: finds the frame of the page, guesses that all is quiet
              host   discard: start finds nothing to zap, the page goes, end
              vCPU   takes mmu_lock, installs an SPTE for a frame that the host no longer maps there
            The guest goes on using a page that the host has given to somebody else.
            """,
            "fault-vs-discard",
            [new(Hypervisor, Fault,
                "if (fault.GoalLevel == 1 && !fault.Pessimistic && _vm.Invalidation.RetryGfn(fault.Sequence, fault.Gfn))",
                "if (fault.GoalLevel == 0)")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("snapshot-after-frame", "arm64 read the sequence too late until 6.3",
            """
            The snapshot of the sequence must come before the frame is looked up: only then does an invalidation in between show. Here it
            comes after.
              vCPU   fault: finds the frame
              host   discard, from start to end; the sequence moves
              vCPU   takes its snapshot, which is the new sequence already; the check under mmu_lock finds nothing amiss
            The SPTE leads to the frame from before the discard.
            """,
            "fault-vs-discard",
            [new(Hypervisor, Fault,
                """
                        if (status != FaultStatus.Ok) return HostFaultFailed(ref fault, status);
                """,
                """
                        if (status != FaultStatus.Ok) return HostFaultFailed(ref fault, status);
                        fault.Sequence = _vm.Invalidation.Sequence;
                """)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("snapshot-of-32-bits", "82d811ff5665: a sign-extended mmu_seq hangs vCPUs",
            """
            The sequence has 64 bits. The fault keeps its snapshot in an int, which is extended by sign when it is compared. Once 2^31
            invalidations have ended the two are never equal again, and each fault starts anew for ever: no lock, no waiting, the vCPU just
            never gets its page. No particular interleaving is needed; the scenario begins just below the limit, and takes from faults the
            patience that is there against another evil.
            """,
            "fault-after-many-invalidations",
            [new(Hypervisor, TdpFault, "fault.Sequence = _vm.Invalidation.Sequence;",
                "fault.Sequence = (ulong)(long)(int)_vm.Invalidation.Sequence;")],
            [VerdictKind.Livelock, VerdictKind.Starvation]),
        new("lost-table-kept-as-it-is", "Warren's own long run of November 2026: a root whose record named a gfn",
            """
            The table that finds its place taken goes back to its vCPU's cache as if new. Here it goes back as it is, with the record of the
            leaf table that it was to be.
              vCPU 0   fault: sees no leaf table, makes one vCPU 1   fault on the same page: links its own vCPU 0   its table is one too
              many, back to the cache host     zaps everything vCPU 0   makes the next root, of the page uppermost in its cache: a root is
              told its level and address space, and keeps the gfn
            """,
            "lost-table-then-new-root",
            [new(Hypervisor, "Paging/TableCache.cs", "        TableAllocator.MakeNew(table);\n", "")],
            [VerdictKind.Invariant]),
        new("lost-table-of-hole-counted", "Found beside lost-table-kept-as-it-is",
            """
            Tables that only remember that nothing is there are counted, so that a guest cannot have its host fill memory with them. Here
            one counts before it is known whether it finds its place free, and goes on counting when it does not, and so does each that the
            bound refuses: the guest soon gets none any more, and after 2^31 of them as many as it likes.
              vCPU 0   accesses a hole: sees no table, counts one
              vCPU 1   accesses it too: counts and links its own
              vCPU 0   finds it there
            """,
            "two-faults-in-one-hole",
            [new(Hypervisor, TdpFault,
                "            if (!fits || !LinkTable(ref fault.Vcpu.TableCache, entry, seen, fault.Gfn, level)) Atomics.Decrement(ref "
                    + "_mmioTables, this);\n            if (!fits) return;\n",
                "            if (!fits) return;\n            LinkTable(ref fault.Vcpu.TableCache, entry, seen, fault.Gfn, level);\n")],
            [VerdictKind.Invariant]),
        new("patient-fault-asks-union", "The one range of mmu_invalidate_range_start/_end, which only grows while anything is in progress",
            """
            A fault that was sent back several times asks, under mmu_lock, whether a notification in flight covers its page. Here it asks
            the VM's one range instead, the union of all that were in progress since none was.
              host 1   start over page A
              host 2   start over page C: the range is A to C
              vCPU     fault on B, between them: covered, again
              host 1   end; start over A: host 2 is still there, so the range stays
              host 2   end; start over C; and so on
            Neither notification means B, and the fault never ends.
            """,
            "fault-between-notifications",
            [new(Hypervisor, Covered,
                "        return Memory.Notifiers.IsInvalidating(hva, hva + PageSize);",
                "        return hva != default && Invalidation.RetryGfn(Invalidation.Sequence, gfn);")],
            [VerdictKind.Starvation, VerdictKind.Livelock]),
        new("patient-host-write-asks-union", "The same for kvm_write_guest by way of a pfn",
            """
            As patient-fault-asks-union, for the writes of devices: they ask the same question in the same place. Here it is answered by the
            union.
            """,
            "host-write-between-notifications",
            [new(Hypervisor, Covered,
                "        return Memory.Notifiers.IsInvalidating(hva, hva + PageSize);",
                "        return hva != default && Invalidation.RetryGfn(Invalidation.Sequence, gfn);")],
            [VerdictKind.Starvation, VerdictKind.Livelock]),
        new("patient-fault-looks-first", "design: first the question, then the lookup",
            """
            A fault that insists asks whether its page is being invalidated and then looks the page up, both under mmu_lock. A notification
            leaves the list before it takes mmu_lock for its end. Here the page is looked up first.
              host   discard: start, in the list
              vCPU   takes mmu_lock, finds the frame of the page
              host   changes the page table, leaves the list, waits for mmu_lock
              vCPU   asks: nobody in the list; installs an SPTE for a frame that is gone
            """,
            "patient-fault-vs-discard",
            [new(Hypervisor, Covered,
                """
                        if (IsInvalidating(slot, gfn)) return false;
                        if (!Memory.TryFaultPresent(slot.GfnToHva(gfn), write, out var present)) return false;
                """,
                """
                        if (!Memory.TryFaultPresent(slot.GfnToHva(gfn), write, out var present)) return false;
                        if (IsInvalidating(slot, gfn)) return false;
                """)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("patient-fault-asks-nobody", "design: mmu_lock alone does not keep an invalidation away",
            """
            A fault that insists holds mmu_lock, where nothing begins or ends. That is not enough: what has begun goes on, and changes the
            page table under the fault. Here it does not ask whether its page is being invalidated.
              host   discard: start, returns; nothing of the page is mapped
              vCPU   finds the page still in the host's table, installs an SPTE
              host   takes the page out of its table, frees the frame
            """,
            "patient-fault-vs-discard",
            [new(Hypervisor, Covered, "if (IsInvalidating(slot, gfn)) return false;", "if (slot.IsInvalid) return false;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("invalid-slot-as-mmio", "e0c378684b65: faults on an invalid slot were handled as if there were none",
            """
            A slot that is about to go is marked invalid; a fault that meets it must start again, since the update may still fail and leave
            the slot as it was. Here the fault takes it for no slot at all, emulates MMIO, and remembers that with an MMIO entry.
              host   deletion: marks the slot invalid, zaps
              vCPU   load: finds the slot invalid, installs an MMIO entry of this generation, reads from nobody
              host   the deletion fails, the slot is valid again, the generation is the old one
            The entry is believed from now on: memory has turned into a hole.
            """,
            "failed-delete-vs-access",
            [new(Hypervisor, Fault,
                """
                            fault.Statistics->RetriesInvalidSlot++;
                            return FaultResult.Retry;
                """,
                """
                            return MapMmio(ref fault, slots);
                """)],
            [VerdictKind.Invariant]),
        new("install-into-obsolete-root", "a955cad84cda: retry a fault whose root was invalidated by a memslot update",
            """
            Deleting a slot makes every root obsolete under mmu_lock and zaps them afterwards. A fault must look, under mmu_lock, whether
            its root is still current. Here it does not.
              vCPU   fault on another slot: has its frame, waits for mmu_lock
              host   deletion: roots obsolete, request made (the vCPU is not in guest mode), zap of everything there is
              vCPU   installs its SPTE in the root that was zapped already
            Nobody empties that root again; what hangs in it is lost, and outlives the slot it belongs to.
            """,
            "delete-of-another-slot-vs-fault",
            [new(Hypervisor, Fault,
                """
                        if (IsObsolete(fault.Root))
                        {
                            fault.Statistics->RetriesObsoleteRoot++;
                            return false;
                        }
                """,
                "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("table-linked-without-compare", "f7d9c7b7b902 and the TDP MMU's rule: an entry changes by compare-exchange from the value seen",
            """
            Faults run in parallel with mmu_lock shared, and put tables where nothing stands by compare-exchange: the loser keeps its page.
            Here the table is stored whatever stands there.
              vCPU 0   sees an empty entry, makes a table
              vCPU 1   sees the same, links its own table, installs its SPTE below
              vCPU 0   stores its table over that of vCPU 1
            The other table and what hangs below it is out of reach: no notification finds the SPTE, no zap frees the table.
            """,
            "two-faults-one-table",
            [new(Hypervisor, TdpFault,
                "if (SpteAccess.TryReplace(entry, seen, Spte.ForTable(child.Entries)))",
                "SpteAccess.Exchange(entry, Spte.ForTable(child.Entries));\n        if (true)")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("mmio-over-present", "aad885e77496 and df8374607577: an MMIO SPTE over a present one",
            """
            A vCPU that saw no slot wants to remember that with an MMIO entry; a present SPTE that came meanwhile must stay, since only a
            zap with a flush may take it away. Here the entry is written in any case.
              vCPU 0   fault: no slot there
              host     creates the slot; waits for readers such as vCPU 0
              vCPU 1   fault: finds the new slot, installs an SPTE, has it in its TLB
              vCPU 0   overwrites the SPTE with its MMIO entry
              host     discards the page: no SPTE to be zapped, so no flush; the frame goes, and vCPU 1's TLB still has it
            """,
            "probe-vs-use-and-create",
            [new(Hypervisor, TdpFault, "if (old.IsNone || old.IsMmio) SpteAccess.TryReplace(last, old, mmio);",
                "SpteAccess.Exchange(last, mmio);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("stale-mmio-believed", "KVM's MMIO generations: an MMIO SPTE counts only for the memslots it was made from",
            """
            Creating a slot zaps nothing: MMIO entries of the time before are recognised by their generation. Here every MMIO entry is
            believed.
              vCPU   probes an address: no slot, an MMIO entry of generation g is installed
              host   creates a slot there; the generation is g + 1
              vCPU   loads: meets the entry, goes to the bus, and reads from nobody what is memory now
            """,
            "mmio-then-create",
            [new(Hypervisor, "Vcpus/Vcpu.Translate.cs",
                "return (generation & Memslots.UpdateInProgress) == 0 && mmio.MmioGeneration == (generation & Spte.MmioGenerationMask);",
                "return (generation & Memslots.UpdateInProgress) == 0;")],
            [VerdictKind.Invariant]),
        new("hardware-walk-overwrites", "4f510c8bb1dd (atomic updates of volatile SPTEs): a write of A or D that is not a compare-exchange",
            """
            The walk of a vCPU in guest mode sets A and D in the SPTE it uses, by compare-exchange from the value it saw. Here it stores the
            new value whatever stands there.
              vCPU   walk: sees the SPTE, without D
              host   discard: zaps the SPTE, then waits for the vCPU to leave guest mode
              vCPU   stores the SPTE with D: it is back; uses the frame; leaves at the next request
            After the start has returned an SPTE leads to the page that is being dropped.
            """,
            "store-vs-discard-of-loaded-page",
            [new(Hypervisor, "Vcpus/Vcpu.Translate.cs",
                "if ((seen.Raw & set) != set && !SpteAccess.TryReplace(entry, seen, seen.With(set))) continue;",
                "if ((seen.Raw & set) != set) SpteAccess.Exchange(entry, seen.With(set));")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("fast-fault-overwrites", "kvm/locking.rst: fast page faults give W back by compare-exchange, or resurrect what was zapped",
            """
            A store to a page that only dirty logging protects gives W back without any lock, by compare-exchange over the whole entry. Here
            the new value is stored whatever stands there.
              vCPU   store: sees the SPTE without W and MMU-writable
              host   discard: zaps the SPTE
              vCPU   stores the SPTE with W: it is back, and leads to a frame that is being given up
            """,
            "store-vs-harvest-and-discard",
            [new(Hypervisor, "Paging/Mmu.FastFault.cs",
                "if (!SpteAccess.TryReplace(spte, seen, seen.With(Spte.W | Spte.A | Spte.D))) continue;",
                "SpteAccess.Exchange(spte, seen.With(Spte.W | Spte.A | Spte.D));")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("spte-overwritten-by-fault", "f5d16bb9be68 and handle_changed_spte: an SPTE is replaced only by who saw what stands there",
            """
            A fault installs its leaf by compare-exchange; losing means looking again. Here it stores it whatever stands there.
              vCPU 0   load: sees an empty entry, prepares a leaf without D
              vCPU 1   store to the same page: installs a leaf with D, and stores
              vCPU 0   stores its leaf over it
            What A and D said is lost: the page that vCPU 1 stored to counts as clean.
            """,
            "load-and-store-faults",
            [new(Hypervisor, TdpFault, "if (!SpteAccess.TryReplace(entry, seen, leaf)) continue;", "SpteAccess.Exchange(entry, leaf);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("accessed-bit-lost", "Series merged as 4f510c8bb1dd: read-modify-write of a volatile SPTE loses bits",
            """
            A harvest takes W and D out of an SPTE in one atomic AND, since a vCPU in guest mode may set A at that moment. Here it reads,
            computes and stores.
              host   harvest: reads the SPTE, A is clear
              vCPU   load: sets A
              host   stores the SPTE without W, D, and without the A of that load
            The page was used and counts as old: reclaim takes what the guest works with.
            """,
            "access-vs-harvest-and-aging",
            [new(Hypervisor, "Paging/SpteAccess.cs", "Atomics.And(ref *entry, ~bits);",
                "Atomics.Write(ref *entry, Atomics.Read(ref *entry) & ~bits);")],
            [VerdictKind.Invariant]),
    ];
}
