namespace Warren.Lab;

/// <summary>Modes and requests of vCPUs, and code marks.</summary>
internal static class VcpuVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Requests = "Vcpus/Vcpu.Requests.cs";
    private const string Marks = "Vcpus/CodeMarks.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("entry-without-recheck", "Mutation: the look at the requests after mode = IN_GUEST_MODE left out",
            """
            A vCPU serves its requests, says that it is in guest mode, and looks again: whoever asks either sees the mode and waits, or is
            seen. Here the second look is missing.
              vCPU   no requests; about to enter, with the page in its TLB
              host   start: zaps, posts the flush, sees the vCPU outside: need not wait; the frame is freed
              vCPU   enters without looking, and uses the frame
            """,
            "reentry-vs-discard",
            [new(Hypervisor, Requests, "if ((Atomics.Read(ref _state->RequestWord) & ~deferred) == 0)",
                "if ((Atomics.Read(ref _state->RequestWord) & ~deferred) is var pending && (pending == 0 || true))")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            // An engine may execute an instruction before it looks at its requests for the first time; the scripted one is more careful.
            Exposure =
                [new("Warren.Scripted", "ScriptedEngine.cs", "        while (!vcpu.RequestPending)\n",
                    "        for (bool first = true; first || !vcpu.RequestPending; first = false)\n")],
        },
        new("exiting-vcpu-not-awaited", "KVM: a WAIT request waits for every vCPU that is not outside, EXITING included",
            """
            Who asks for a flush moves the vCPU from IN_GUEST to EXITING and waits until it is outside. A second one that finds it EXITING
            waits as well. Here that one takes it for outside.
              host 1   harvest: has taken W, tells the vCPU to leave, waits
              vCPU     still in guest mode, EXITING
              host 2   discard: zaps, finds the vCPU EXITING, does not wait; frees the frame
              vCPU     uses the frame out of its TLB
            """,
            "access-vs-harvest-and-discard",
            [new(Hypervisor, Requests, "if ((mode & ModeMask) != (ulong)VcpuMode.InGuestMode) return true;",
                "if ((mode & ModeMask) != (ulong)VcpuMode.InGuestMode) return false;")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("flush-not-awaited", "KVM: TLB_FLUSH carries WAIT",
            """
            A flush is done when each vCPU that was in guest mode has left it. Here it is only asked for.
              vCPU   in guest mode with the page in its TLB
              host   start: zaps, posts the flush, returns; the frame is freed
              vCPU   uses the frame before it looks at its requests
            """,
            "access-vs-discard",
            [new(Hypervisor, "Vcpus/VcpuRequest.cs", "TlbFlush = 0 | Wait | NoWakeup,", "TlbFlush = 0 | NoWakeup,")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("mode-stored-without-barrier", "KVM: the full barrier between mode = IN_GUEST_MODE and the look at the requests",
            """
            Entering is one half of a Dekker pair: store the mode, barrier, read the requests. Here the mode is stored without a barrier, as
            x86 lets a later load overtake it.
              vCPU   stores its mode: it waits in the store buffer; reads the requests: none
              host   start: zaps, posts the flush, reads the mode: outside; the frame is freed
              vCPU   runs with the page in its TLB; now the mode becomes visible
            Nothing shows as long as each store is seen at once.
            """,
            "reentry-vs-discard",
            [new(Hypervisor, Requests, "Atomics.Exchange(ref _state->Mode, _state->Mode & ~ModeMask | (ulong)VcpuMode.InGuestMode);",
                "Atomics.Write(ref _state->Mode, _state->Mode & ~ModeMask | (ulong)VcpuMode.InGuestMode);")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree])
        {
            WeakMemory = true,
        },
        new("request-cleared-after-work", "KVM: a request is cleared before it is served",
            """
            A vCPU clears the request to let go of obsolete roots, then looks at its root: one that is made in between is served next time.
            Here it looks first.
              vCPU   has loaded root 2; the request of an earlier zap is up; looks: root 2 is current
              host   second zap: root 2 obsolete, request (up already); the vCPU is outside, no need to wait
              vCPU   clears the request, enters with root 2
            No fault installs anything in an obsolete root, and nobody asks again to let go of it: each fault starts anew for ever.
            """,
            "two-deletes-vs-entry",
            [new(Hypervisor, Requests,
                """
                        if (CheckRequest(VcpuRequest.FreeObsoleteRoots))
                        {
                            if (!HasNoRoot && _mmu.IsObsolete(Root)) PutRoot();
                            FlushTlb();
                        }
                """,
                """
                        if ((Atomics.Read(ref _state->RequestWord) & VcpuRequest.FreeObsoleteRoots.Bit()) != 0)
                        {
                            if (!HasNoRoot && _mmu.IsObsolete(Root)) PutRoot();
                            FlushTlb();
                            CheckRequest(VcpuRequest.FreeObsoleteRoots);
                        }
                """)],
            [VerdictKind.Livelock, VerdictKind.Starvation, VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("halt-without-recheck", "kvm_vcpu_block: look at the requests after saying that one sleeps",
            """
            A vCPU that halts says so and looks at its requests again; who makes one sets it and looks whether the vCPU has halted. Here the
            second look of the vCPU is missing.
              vCPU   guest halts; no request so far
              host   kick: sets the request, sees a vCPU that has not halted: nobody to wake
              vCPU   says that it has halted, and sleeps with the kick pending
            """,
            "halt-vs-kick",
            [new(Hypervisor, "Vcpus/Vcpu.cs", "if (!RequestPending) return true;", "if (!RequestPending || true) return true;")],
            [VerdictKind.Invariant, VerdictKind.LostWakeUp]),
        new("code-mark-without-flush", "Code marks: after marking, TLB entries for writing from before must go",
            """
            A frame that holds decoded code is marked, and every vCPU that may hold a write entry for it from before is flushed; later
            writers meet the mark. Here nobody is flushed.
              vCPU 0   has the page in its TLB for writing
              vCPU 1   fetches from it: marks the frame, decodes, keeps what it decoded
              vCPU 0   stores through its TLB, past the mark
              vCPU 1   goes on executing the old instruction
            """,
            "code-write-vs-fetch",
            [new(Hypervisor, Marks, "        if (flush) _vm.FlushRemoteTlbs();\n", "")],
            [VerdictKind.Invariant]),
        new("code-marked-below-an-obsolete-root", "Warren's own, until generated programs found it in November 2026",
            """
            Whoever marks a frame as code looks its page up outside guest mode, with mmu_lock shared. That does not keep the tables of an
            obsolete root, which a zap takes apart with the lock shared, too. Here it walks its root whatever that is.
              vCPU   fetch: the frame is not marked; leaves guest mode, takes mmu_lock shared, walks down to a table
              host   deletion: the root is obsolete, no vCPU is in guest mode; takes mmu_lock shared, unlinks the table, frees it
              vCPU   reads the table
            """,
            "fetch-vs-slot-delete",
            [new(Hypervisor, Marks, "!vcpu.HasNoRoot && !_vm.Mmu.IsObsolete(vcpu.Root)\n            && ", "")],
            [VerdictKind.UseAfterFree]),
        new("code-writer-not-noted", "Code marks: who translates for writing notes it in the frame before looking at the mark",
            """
            Who marks a frame flushes only if some vCPU has translated it for writing. That note is set before the look at the mark, so that
            one of the two sees the other. Here it is not set.
              vCPU 0   store: no mark; translates for writing, without a note
              vCPU 1   fetches: marks the frame; no note, so no flush; decodes
              vCPU 0   stores through its TLB
            """,
            "code-write-vs-fetch",
            [new(Hypervisor, Marks,
                "if ((Atomics.Read(ref info.Flags) & WriteTranslated) == 0) Atomics.Or(ref info.Flags, WriteTranslated);", "")],
            [VerdictKind.Invariant]),
        new("code-cleared-before-device-write", "Code marks: a device's write voids code after the bytes are there",
            """
            When a device or the hypervisor writes to a frame the mark is cleared after the bytes: a vCPU that decodes in between has its
            mark found. Here it is cleared before.
              host   clears the mark
              vCPU   fetch: marks the frame, decodes the old bytes
              host   writes the new bytes
            The vCPU keeps what it decoded.
            """,
            "code-device-write-vs-fetch",
            [new(Hypervisor, "VirtualMachine.HostAccess.cs",
                """
                                    CopyAtomic(source, Pool.Pointer(mapping.Pfn) + gpa.PageOffset);
                                    CodeMarks.AfterHostWrite(Pool, mapping.Pfn);
                """,
                """
                                    CodeMarks.AfterHostWrite(Pool, mapping.Pfn);
                                    CopyAtomic(source, Pool.Pointer(mapping.Pfn) + gpa.PageOffset);
                """)],
            [VerdictKind.Invariant]),
    ];
}
