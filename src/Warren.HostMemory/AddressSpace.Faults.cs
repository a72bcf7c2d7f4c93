using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>Page faults.</summary>
public sealed partial class AddressSpace
{
    /// <summary>
    /// Resolves an address to a frame (hva_to_pfn): finds it, or makes it (zeros, the file's page, a copy of a shared one). Takes a
    /// reference that the caller puts. The answer is a snapshot: whoever maps it must check for invalidations since. May sleep and do I/O;
    /// breaking a share notifies, so no lock that a notifier takes may be held.
    /// </summary>
    /// <returns>Ok, or why not; only then is <paramref name="mapping"/> set.</returns>
    public unsafe FaultStatus Fault(Hva hva, bool write, out FrameMapping mapping)
    {
        mapping = default;
        // A page of a file is read from it; whether this one is known only further down.
        Check.MightWait(WaitContext.Block);
        MmapLock.DownRead();
        try
        {
            var vma = hva < AddressLimit ? _vmas.Find(hva) : null;
            var status = vma is null ? FaultStatus.NoVma
                : (vma.Protection & (write ? VmaProtection.Write : VmaProtection.Read)) == 0 ? FaultStatus.Protection
                : Resolve(vma, hva.PageStart, write, ref mapping);
            if (status != FaultStatus.Ok)
                Count(ref _counters.Failed);
            return status;
        }
        finally
        {
            MmapLock.UpRead();
        }
    }

    /// <summary>The exception that a read of the file behind an address failed with; null where the file only ended too early.</summary>
    public Exception? ReadErrorAt(Hva hva)
    {
        MmapLock.DownRead();
        var error = (hva < AddressLimit ? _vmas.Find(hva) : null)?.File?.ReadError;
        MmapLock.UpRead();
        return error;
    }

    /// <summary>
    /// As <see cref="Fault"/> for a page that is there and may be accessed as it is. False: it is not, or the mmap lock is not free. Does
    /// not sleep and does not notify, so that a lock that notifiers take may be held, as long as nobody who holds it waits for the mmap
    /// lock.
    /// </summary>
    public unsafe bool TryFaultPresent(Hva hva, bool write, out FrameMapping mapping)
    {
        mapping = default;
        if (!MmapLock.TryDownRead())
            return false;
        var taken = false;
        var page = hva.PageStart;
        if (hva < AddressLimit && _vmas.Find(hva) is { } vma && (vma.Protection & (write ? VmaProtection.Write : VmaProtection.Read)) != 0)
        {
            var slot = _table.Find(page, out var level);
            var entry = slot == null ? default : PageTableNode.Load(slot);
            taken = entry.IsLeaf && (!write || entry.IsOwned) && TryTake(vma, page, slot, entry, level, ref mapping);
        }

        MmapLock.UpRead();
        return taken;
    }

    /// <summary>
    /// The mapping at an address now, without a reference and without a trace: for checks that compare. Does not sleep, as
    /// <see cref="TryFaultPresent"/>.
    /// </summary>
    /// <param name="hva">any address</param>
    /// <param name="mapping">what a read fault would find there; frame 0 when nothing is mapped</param>
    /// <returns>false: the mmap lock is not free</returns>
    public bool TryPeek(Hva hva, out FrameMapping mapping)
    {
        mapping = default;
        if (!MmapLock.TryDownRead())
            return false;
        var entry = Peek(hva, out var allowed);
        if (entry.IsLeaf && (allowed & VmaProtection.Read) != 0)
        {
            mapping.Pfn = entry.Pfn;
            mapping.Writable = entry.IsOwned && (allowed & VmaProtection.Write) != 0;
        }

        MmapLock.UpRead();
        return true;
    }

    /// <summary>Takes a reference on what a leaf entry maps; false when the entry has changed since.</summary>
    private unsafe bool TryTake(Vma vma, Hva page, ulong* slot, HostPte entry, int level, ref FrameMapping mapping)
    {
        var pfn = level == 1 ? entry.Pfn : entry.Pfn + (int)(page.PageNumber & (FramePool.BlockFrames - 1));
        if (!Pool.TryGet(pfn))
            return false;
        // The frame may have been freed and given to someone else before we got hold of it; the entry tells.
        if ((PageTableNode.Load(slot).Old().Bits ^ entry.Old().Bits) != 0)
        {
            Pool.Put(pfn);
            return false;
        }

        if (!entry.IsAccessed)
            PageTableNode.CompareExchange(slot, entry, entry.Young());
        mapping.Pfn = pfn;
        mapping.Writable = entry.IsOwned && (vma.Protection & VmaProtection.Write) != 0;
        mapping.Order = level == 1 ? 0 : FramePool.BlockOrder;
        return true;
    }

    private unsafe FaultStatus Resolve(Vma vma, Hva page, bool write, ref FrameMapping mapping)
    {
        var found = false;
        while (true)
        {
            var slot = _table.Find(page, out var level);
            var entry = slot == null ? default : PageTableNode.Load(slot);
            if (entry.IsTable)
                continue;
            if (!entry.IsPresent)
            {
                var status = Populate(vma, page, write);
                if (status != FaultStatus.Ok)
                    return status;
                found = true;
                continue;
            }

            if (write && !entry.IsOwned)
            {
                var status = BreakShare(page, slot, entry);
                if (status != FaultStatus.Ok)
                    return status;
                found = true;
                continue;
            }

            if (!TryTake(vma, page, slot, entry, level, ref mapping))
                continue;
            if (!found)
                Count(ref _counters.Minor);
            return FaultStatus.Ok;
        }
    }

    /// <summary>Fills the entry of an absent page, unless another thread does.</summary>
    private unsafe FaultStatus Populate(Vma vma, Hva page, bool write)
    {
        if (vma.File is not null)
            return PopulateFromFile(vma, page, write);
        if (vma.HugePages && TryPopulateBlock(vma, page))
            return FaultStatus.Ok;
        var slot = _table.Ensure(page, level: 1);
        if (slot == null || PageTableNode.Load(slot).IsPresent)
            return FaultStatus.Ok;
        if (Pool.TryAllocate(_budget, zeroed: true, out var pfn) != AllocationStatus.Ok)
            return FaultStatus.OutOfMemory;
        Install(slot, pfn, owned: true, ref _counters.DemandZero);
        return FaultStatus.Ok;
    }

    /// <summary>
    /// Backs the aligned 2 MiB around the page by a block if it lies in the VMA and nothing of it is mapped. Costs no more host
    /// memory than one page: the host commits the block's pages as they are touched.
    /// </summary>
    private unsafe bool TryPopulateBlock(Vma vma, Hva page)
    {
        var start = page.AlignDown(PageTable.BlockSize);
        if (start < vma.Start || start + PageTable.BlockSize > vma.End)
            return false;
        var slot = _table.Ensure(page, level: 2);
        if (slot == null)
            return false;
        var entry = PageTableNode.Load(slot);
        if (entry.IsPresent)
            return entry.IsLeaf;
        var block = Pool.AllocateBlock(_budget);
        if (block.IsNone)
            return false;
        if (PageTableNode.CompareExchange(slot, default, HostPte.Leaf(block, owned: true)))
            Count(ref _counters.Huge);
        else
            Pool.PutRange(block, FramePool.BlockFrames);
        return true;
    }

    private unsafe FaultStatus PopulateFromFile(Vma vma, Hva page, bool write)
    {
        var status = vma.File!.Get(vma.FilePageAt(page), out var cached);
        if (status != FaultStatus.Ok)
            return status;
        var slot = _table.Ensure(page, level: 1);
        if (slot == null || PageTableNode.Load(slot).IsPresent)
            return FaultStatus.Ok;
        if (!write)
        {
            Pool.Get(cached);
            Install(slot, cached, owned: false, ref _counters.File);
            return FaultStatus.Ok;
        }

        // Nothing is mapped there, here or in any VM: the copy needs no notification.
        if (!TryCopy(cached, out var copy))
            return FaultStatus.OutOfMemory;
        Install(slot, copy, owned: true, ref _counters.CowBreaks);
        return FaultStatus.Ok;
    }

    /// <summary>
    /// Puts a frame of our own in the place of a shared one (wp_page_copy). Notifies: VMs map the shared one for reading.
    /// </summary>
    private unsafe FaultStatus BreakShare(Hva page, ulong* slot, HostPte entry)
    {
        // Hold the source while it is copied: a concurrent discard may drop the entry's reference.
        if (!Pool.TryGet(entry.Pfn))
            return FaultStatus.Ok;
        if ((PageTableNode.Load(slot).Old().Bits ^ entry.Old().Bits) != 0)
        {
            Pool.Put(entry.Pfn);
            return FaultStatus.Ok;
        }

        if (!TryCopy(entry.Pfn, out var copy))
        {
            Pool.Put(entry.Pfn);
            return FaultStatus.OutOfMemory;
        }

        var invalidation = Notifiers.Start(page, page + FramePool.PageSize, MmuNotifierEvent.Clear);
        if (PageTableNode.CompareExchange(slot, entry, HostPte.Leaf(copy, owned: true)))
        {
            Pool.Put(entry.Pfn);
            Count(ref _counters.CowBreaks);
        }
        else
        {
            Pool.Put(copy);
        }

        Notifiers.End(invalidation);
        Pool.Put(entry.Pfn);
        return FaultStatus.Ok;
    }

    private unsafe bool TryCopy(Pfn source, out Pfn copy)
    {
        if (Pool.TryAllocate(_budget, zeroed: false, out copy) != AllocationStatus.Ok)
            return false;
        new ReadOnlySpan<byte>(Pool.Pointer(source), FramePool.PageSize).CopyTo(new Span<byte>(Pool.Pointer(copy), FramePool.PageSize));
        return true;
    }

    private unsafe void Install(ulong* slot, Pfn pfn, bool owned, ref long counter)
    {
        if (PageTableNode.CompareExchange(slot, default, HostPte.Leaf(pfn, owned)))
            Count(ref counter);
        else
            Pool.Put(pfn);
    }
}
