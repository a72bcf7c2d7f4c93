namespace Warren.Lab;

/// <summary>The primary MMU: what it tells whom, and when frames go.</summary>
internal static class HostMemoryVariants
{
    private const string HostMemory = "Warren.HostMemory";

    internal static IReadOnlyList<Variant> All { get; } =
    [
        new("page-dropped-before-start", "KVM: at start the pages are still mapped; they may be freed once start has returned",
            """
            A discard tells its subscribers first, and then clears its entries. Here it clears, then tells.
              host   clears the entry, the frame is freed
              vCPU   uses the frame through its SPTE
              host   start: the SPTE is zapped, too late
            """,
            "access-vs-discard",
            [new(HostMemory, "AddressSpace.Mapping.cs",
                "        if (!Notifiers.TryStart(range, out var invalidation))\n            return false;\n        var count = _disposed "
                    + "? 0 : _table.Clear(range.Start, range.End);\n",
                "        var count = _disposed ? 0 : _table.Clear(range.Start, range.End);\n        if (!Notifiers.TryStart(range, out "
                    + "var invalidation))\n            return false;\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("invalidation-ends-before-the-change", "KVM: the end comes when the host page table has its new state",
            """
            The end of a discard comes after its entries are cleared. Here before.
              host   start, end
              vCPU   fault: nothing in progress, the sequence is the new one, the old frame is there: installs it
              host   clears the entry, the frame is freed
            """,
            "fault-vs-discard",
            [new(HostMemory, "AddressSpace.Mapping.cs",
                "        var count = _disposed ? 0 : _table.Clear(range.Start, range.End);\n        Notifiers.End(invalidation);\n",
                "        Notifiers.End(invalidation);\n        var count = _disposed ? 0 : _table.Clear(range.Start, range.End);\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("share-broken-without-notification", "KVM: a CoW break notifies (CLEAR, one page)",
            """
            Breaking a share replaces the frame of a page, so everybody who maps the shared one for reading is told. Here nobody is.
              vCPU 0   reads the page in the shared frame
              vCPU 1   store: the host puts a copy in its place; the store goes there
              vCPU 0   reads the shared frame for ever
            """,
            "share-break-vs-load",
            [new(HostMemory, "AddressSpace.Faults.cs",
                "        var invalidation = Notifiers.Start(page, page + FramePool.PageSize, MmuNotifierEvent.Clear);\n", ""),
             new(HostMemory, "AddressSpace.Faults.cs", "        Notifiers.End(invalidation);\n        Pool.Put(entry.Pfn);\n",
                 "        Pool.Put(entry.Pfn);\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("frame-taken-without-second-look", "get_user_pages_fast: take the reference, then look at the entry again",
            """
            Who finds a frame in the page table without owning a reference takes one if the frame is in use, and looks at the entry again:
            the frame may have been freed and be somebody else's by now. Here the second look is missing.
              host 1   write to page 0: reads its entry, frame f
              host 2   discards page 0, f is freed; page 1 gets f
              host 1   takes a reference to f, which is in use, and writes into page 1
            """,
            "host-write-vs-discard-and-reuse",
            [new(HostMemory, "AddressSpace.Faults.cs",
                "        if ((PageTableNode.Load(slot).Old().Bits ^ entry.Old().Bits) != 0)\n        {\n            "
                    + "Pool.Put(pfn);\n            return false;\n        }\n", "")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree]),
        new("reference-revived-from-zero", "get_page_unless_zero must be one compare-exchange",
            """
            A reference is taken by compare-exchange from a count that is not zero. Here the count is looked at, and then incremented.
              host 1   write to page 0: the count of its frame is 1
              host 2   discards page 0: the count is 0, the frame is freed
              host 1   increments the count of a free frame, sees that the entry is gone, puts it: freed a second time
            """,
            "host-write-vs-discard-and-reuse",
            [new(HostMemory, "FramePool.cs",
                "            var found = Atomics.CompareExchange(ref count, seen + 1, seen);\n            if (found == "
                    + "seen)\n                return true;\n            seen = found;\n",
                    "            Atomics.Increment(ref count);\n            return true;\n")],
            [VerdictKind.Invariant, VerdictKind.UseAfterFree, VerdictKind.Exception]),
    ];
}
