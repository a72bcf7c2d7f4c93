namespace Warren.Lab;

/// <summary>The page fault, the zaps and the flushes of the TDP MMU.</summary>
internal static class TdpVariants
{
    private const string Hypervisor = "Warren.Hypervisor";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("fault-without-retry-check", "The rule every MMU-notifier user must keep; mmu_invalidate_retry_gfn",
            """
            A fault takes a snapshot of the invalidation sequence, asks the host for the frame, and asks under mmu_lock whether an invalidation has
            begun or ended since. Here the last question is missing.
              vCPU    fault: finds the frame of the page, holds a reference
              host    discard: start zaps nothing, the page goes, end
              vCPU    takes mmu_lock, installs an SPTE for the frame that the host no longer maps there
            The guest goes on writing to a page that the host has given up.
            """,
            "corpus-fault-discard",
            [new(Hypervisor, "Tdp/TdpMmu.Fault.cs", "if (level == 1 && _vm.Invalidation.RetryGfnRange(sequence, gfn, gfn + 1))", "if (level == 0)")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("end-without-sequence", "kvm.md mutation: drop seq++",
            """
            The end of an invalidation steps the sequence, so that a fault which looked the frame up before the end, and checks only after it, retries.
            """,
            "corpus-fault-discard",
            [new(Hypervisor, "Invalidation/InvalidationState.cs", "        Bump();\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("flush-after-unlock", "kvm.md mutation: flush after unlock",
            """
            A start flushes before it drops mmu_lock. Here after.
            """,
            "corpus-two-discards",
            [new(Hypervisor, "Invalidation/InvalidationGate.cs", "        if (flush) Vm.FlushRemoteTlbs();",
                """
                        if (flush)
                        {
                            Vm.MmuLock.WriteUnlock();
                            Vm.FlushRemoteTlbs();
                            Vm.MmuLock.WriteLock();
                        }
                """)],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
    ];
}
