namespace Warren.Lab;

/// <summary>The fast zap of shadow pages and their limit.</summary>
internal static class ShadowZapVariants
{
    private const string Hypervisor = "Warren.Hypervisor";
    private const string Steps = "Paging/Mmu.FastZap.cs";
    private const string Zap = "Shadow/ShadowMmu.Zap.cs";
    private const string PageSet = "Shadow/ShadowPageSet.cs";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("reload-request-before-invalid", "KVM: KVM_REQ_MMU_FREE_OBSOLETE_ROOTS strictly after the roots are invalid",
            """
            vCPUs are asked to let go of obsolete roots when the roots are obsolete. Here they are asked first.
              host   deletion: makes the request
              vCPU   serves it: its root is current, it keeps it; enters the guest again
              host   toggles the generation; every vCPU has left the guest since the request; frees the pages
              vCPU   walks them
            """,
            "shadow-delete-vs-access",
            [new(Hypervisor, Steps,
                """
                        var any = InvalidateAll();
                        var vcpus = _vm.VcpuArray;
                        var sections = stackalloc ulong[vcpus.Length];
                """,
                """
                        var vcpus = _vm.VcpuArray;
                        var sections = stackalloc ulong[vcpus.Length];
                        VirtualMachine.PostRequest(vcpus, VcpuRequest.FreeObsoleteRoots, sections);
                        var any = InvalidateAll();
                """),
             new(Hypervisor, Steps, "        if (any) VirtualMachine.PostRequest(vcpus, VcpuRequest.FreeObsoleteRoots, sections);\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("shadow-zap-all-and-restart", "kvm_mmu_zap_all before the generation (2013, and again in 2019), with shadow pages",
            """
            Only the pages of before the toggle are zapped. Here whatever page there is, the oldest first, with mmu_lock dropped after each,
            until there is none.
              host   zaps the oldest page, drops mmu_lock
              vCPU   loads a root, faults, builds its pages anew
              host   goes on: there are pages
            """,
            "shadow-zap-all-under-load",
            [new(Hypervisor, Zap, "        if (Pages.Oldest == null) return false;\n",
                """
                        for (bool found = true; found;)
                        {
                            found = Pages.Oldest != null;
                            ZapList all = default;
                            if (found) PrepareZap(Pages.Oldest, ref all);
                            CommitZap(ref all);
                            _mmuLock.WriteUnlock();
                            _mmuLock.WriteLock();
                        }
                        if (Pages.Oldest == null) return false;

                """)],
            [VerdictKind.Livelock, VerdictKind.Starvation]),
        new("walk-past-current-pages", "KVM: kvm_zap_obsolete_pages stops at the first page that is not obsolete",
            """
            Obsolete pages are older than all others; the walk from the oldest ends at the first that is not. Here it goes on, over pages
            that vCPUs have just built and are using: no flush is owed for obsolete pages, for these it would be.
              host   zaps the obsolete pages, drops mmu_lock
              vCPU   builds pages, enters the guest
              host   zaps those, frees them
            Were they flushed, the walk would not end for as long as vCPUs build.
            """,
            "shadow-zap-all-under-load",
            [new(Hypervisor, Zap, "while (Pages.Oldest != null && Pages.Oldest->Generation != Pages.Generation)",
                "while (Pages.Oldest != null)")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.Livelock, VerdictKind.Starvation])
        {
            Exposure = [new(Hypervisor, Zap, "private const int BreakInterval = 256;", "private const int BreakInterval = 1;"),
                        new(Hypervisor, Zap, "if (work < YieldInterval || work", "if (work")],
        },
        new("root-zapped-again-and-again", "KVM: a root in use is taken off the active list when it is zapped, and skipped from then on",
            """
            A root that a vCPU uses cannot be freed yet. It leaves the active list all the same, so that the walk over the oldest pages
            comes to the next. Here it stays on it.
              host   zaps the root of a vCPU that does not run; looks for the oldest obsolete page: the root
            Only that vCPU could end it, and it has no reason to run.
            """,
            "shadow-zap-all-under-load",
            [new(Hypervisor, PageSet, "        RemoveFromActiveList(page);\n",
                "        if (page->RootCount == 0) RemoveFromActiveList(page);\n")],
            [VerdictKind.Livelock, VerdictKind.Starvation, VerdictKind.UseAfterFree, VerdictKind.Invariant]),
        new("shadow-install-into-obsolete-root", "a955cad84cda with shadow pages: retry a fault whose root became obsolete",
            """
            A fault looks, under mmu_lock, whether its root is obsolete. Here it does not.
              vCPU   fault: waits for mmu_lock
              host   toggle, request, zap of all obsolete pages: the root is empty, and off every list
              vCPU   builds current pages below the root that is about to be freed
            They point up into a table that is somebody else's next.
            """,
            "shadow-two-zaps-vs-fault",
            [new(Hypervisor, "Paging/Mmu.Fault.cs",
                """
                        if (IsObsolete(fault.Root))
                        {
                            fault.Statistics->RetriesObsoleteRoot++;
                            return false;
                        }
                """,
                "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.Exception]),
        new("reclaim-takes-the-root", "KVM: kvm_mmu_zap_oldest_mmu_pages leaves roots in use alone",
            """
            Above the limit the oldest pages go, but for roots in use: a fault makes room, and then builds below its root. Here that may be
            among those that went.
              vCPU   fault: makes room, zaps its own root; links new pages below it
            The root is freed when the vCPU lets go of it, and the pages below point up into nothing.
            """,
            "shadow-limit-vs-zap",
            [new(Hypervisor, Zap, "            if (page->RootCount != 0) continue;\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.Exception, VerdictKind.Livelock]),
    ];
}
