using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>mmap, munmap, mprotect, madvise.</summary>
public sealed partial class AddressSpace
{
    private const ulong OffsetMask = FramePool.PageSize - 1;

    /// <summary>
    /// Maps anonymous memory that reads as zeros. Aligned to 2 MiB when that long, else to a page.
    /// </summary>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">What it may be accessed for.</param>
    /// <param name="hint">Where to put it if that is free and page-aligned; address 0: anywhere.</param>
    /// <param name="hugePages">Back aligned 2 MiB by one block where nothing is mapped yet.</param>
    /// <returns>The first address.</returns>
    /// <exception cref="HostMemoryException">EINVAL: zero or absurd length. ENOMEM: no gap is long enough.</exception>
    public Hva Map(ulong length, VmaProtection protection, Hva hint = default, bool hugePages = true)
    {
        using var balance = Check.Balanced();
        length = CheckedLength(length);
        MmapLock.DownWrite();
        try
        {
            ThrowIfDisposed();
            var start = Place(length, hint);
            _vmas.Insert(new Vma { Start = start, End = start + length, Protection = Normal(protection), HugePages = hugePages });
            return start;
        }
        finally
        {
            MmapLock.UpWrite();
        }
    }

    /// <summary>
    /// Maps a file privately: reads see the file's pages, shared with every other mapping of it; a write copies its page first. Bytes past
    /// the end of the file in its last page read zero; pages wholly beyond fault with <see cref="FaultStatus.IoError"/>.
    /// </summary>
    /// <param name="file">May be disposed afterwards.</param>
    /// <param name="offset">Where in the file; page-aligned.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="protection">What it may be accessed for.</param>
    /// <param name="fixedHva">Page-aligned: replaces whatever is mapped there (MAP_FIXED). Address 0: anywhere.</param>
    /// <returns>The first address.</returns>
    /// <exception cref="HostMemoryException">EINVAL: unaligned or out of range. ENOMEM: no gap is long enough.</exception>
    public Hva MapFile(FileImage file, long offset, ulong length, VmaProtection protection, Hva fixedHva = default)
    {
        using var balance = Check.Balanced();
        ArgumentNullException.ThrowIfNull(file);
        length = CheckedLength(length);
        if (offset < 0 || ((ulong)offset & OffsetMask) != 0)
            throw new HostMemoryException(Errno.EINVAL, $"a file is mapped from a multiple of the page size, not from offset {offset}.");
        if (fixedHva != default)
            CheckRange(fixedHva, length);
        var pages = file.Cache.PagesIn(Pool);
        var mapped = false;
        MmapLock.DownWrite();
        try
        {
            ThrowIfDisposed();
            var start = fixedHva != default ? fixedHva : Place(length, default);
            if (_vmas.Overlaps(start, start + length))
                Remove(start, start + length);
            _vmas.Insert(new Vma
            {
                Start = start,
                End = start + length,
                Protection = Normal(protection),
                File = pages,
                FilePage = offset >> FramePool.PageShift,
            });
            mapped = true;
            return start;
        }
        finally
        {
            MmapLock.UpWrite();
            if (!mapped)
                pages.DropUser();
        }
    }

    /// <summary>Unmaps whatever is mapped in the range; holes are no error.</summary>
    /// <exception cref="HostMemoryException">EINVAL: unaligned, empty or out of range.</exception>
    public void Unmap(Hva hva, ulong length)
    {
        using var balance = Check.Balanced();
        length = CheckedLength(length);
        CheckRange(hva, length);
        MmapLock.DownWrite();
        try
        {
            if (_vmas.Overlaps(hva, hva + length))
                Remove(hva, hva + length);
        }
        finally
        {
            MmapLock.UpWrite();
        }
    }

    /// <summary>Changes what the range may be accessed for.</summary>
    /// <exception cref="HostMemoryException">EINVAL: unaligned, empty or out of range. ENOMEM: a page of it is not mapped; nothing
    /// changed.</exception>
    public void Protect(Hva hva, ulong length, VmaProtection protection)
    {
        using var balance = Check.Balanced();
        length = CheckedLength(length);
        CheckRange(hva, length);
        var end = hva + length;
        MmapLock.DownWrite();
        try
        {
            if (!_vmas.Covers(hva, end))
                throw new HostMemoryException(Errno.ENOMEM, $"part of 0x{hva:x}..0x{end:x} is not mapped.");
            var invalidation = Notifiers.Start(hva, end, MmuNotifierEvent.ProtectionVma);
            // Rights are the VMA's alone: entries say only who owns the frame. Blocks across the border are split, since
            // what a block maps must have the same rights throughout.
            _vmas.SplitAt(hva, end, _table.SplitAt);
            _vmas.SetProtection(hva, end, Normal(protection));
            Notifiers.End(invalidation);
        }
        finally
        {
            MmapLock.UpWrite();
        }
    }

    /// <summary>Drops the pages of the range (MADV_DONTNEED): anonymous ones read as zeros again, private copies as the file.</summary>
    /// <exception cref="HostMemoryException">EINVAL: unaligned, empty or out of range. ENOMEM: part of it is not mapped; the rest was
    /// dropped.</exception>
    public void Discard(Hva hva, ulong length)
    {
        using var balance = Check.Balanced();
        length = CheckedLength(length);
        CheckRange(hva, length);
        var end = hva + length;
        MmapLock.DownRead();
        bool covered;
        try
        {
            covered = _vmas.Covers(hva, end);
            if (covered || _vmas.Overlaps(hva, end))
                Drop(new MmuNotifierRange(hva, end, MmuNotifierEvent.Clear));
        }
        finally
        {
            MmapLock.UpRead();
        }

        if (!covered)
            throw new HostMemoryException(Errno.ENOMEM, $"part of 0x{hva:x}..0x{end:x} is not mapped; the rest was discarded.");
    }

    /// <summary>
    /// Drops the pages of the range without sleeping, as the OOM reaper does: gives up at once when the mmap lock is
    /// not free, or when a notifier refuses; then nothing has changed. The mappings stay and read as zeros or as the file.
    /// </summary>
    public bool ReapNonBlocking(Hva hva, ulong length)
    {
        using var balance = Check.Balanced();
        length = CheckedLength(length);
        CheckRange(hva, length);
        if (!MmapLock.TryDownRead())
            return false;
        try
        {
            return Drop(new MmuNotifierRange(hva, hva + length, MmuNotifierEvent.Unmap, blockable: false));
        }
        finally
        {
            MmapLock.UpRead();
        }
    }

    private bool Drop(in MmuNotifierRange range)
    {
        if (!Notifiers.TryStart(range, out var invalidation))
            return false;
        var count = _disposed ? 0 : _table.Clear(range.Start, range.End);
        Notifiers.End(invalidation);
        if (count != 0)
            Interlocked.Add(ref _counters.Discarded, count);
        return true;
    }

    /// <summary>Unmaps a range that has something mapped. Under the mmap lock held for write.</summary>
    private void Remove(Hva start, Hva end)
    {
        var invalidation = Notifiers.Start(start, end, MmuNotifierEvent.Unmap);
        _vmas.SplitAt(start, end, _table.SplitAt);
        _table.Clear(start, end);
        _table.FreeTables(start, end);
        // Drops the mappings' hold on their files, whose cached frames the cleared entries no longer need.
        _vmas.Remove(start, end);
        Notifiers.End(invalidation);
    }

    private Hva Place(ulong length, Hva hint)
    {
        if (hint >= LowestAddress && hint.PageOffset == 0 && hint < AddressLimit && length <= AddressLimit - hint
            && !_vmas.Overlaps(hint, hint + length))
        {
            return hint;
        }

        var alignment = length >= PageTable.BlockSize ? PageTable.BlockSize : FramePool.PageSize;
        var start = _vmas.FindGap(MapBase, length, alignment, AddressLimit);
        if (start == default)
            start = _vmas.FindGap(LowestAddress, length, alignment, AddressLimit);
        if (start == default)
            throw new HostMemoryException(Errno.ENOMEM, $"no gap of {length} bytes is left in the address space.");
        return start;
    }

    private static VmaProtection Normal(VmaProtection protection) =>
        (protection & VmaProtection.Write) != 0 ? VmaProtection.Read | VmaProtection.Write : protection & VmaProtection.Read;

    private static ulong CheckedLength(ulong length)
    {
        if (length == 0 || length > AddressLimit.Value)
            throw new HostMemoryException(Errno.EINVAL, $"a mapping has between 1 and 2^47 bytes, not {length}.");
        return (length + OffsetMask) & ~OffsetMask;
    }

    private static void CheckRange(Hva hva, ulong length)
    {
        if (hva.PageOffset != 0 || hva < LowestAddress || hva >= AddressLimit || length > AddressLimit - hva)
        {
            throw new HostMemoryException(Errno.EINVAL,
                $"0x{hva:x} with {length} bytes is not a page-aligned range of host virtual addresses.");
        }
    }

    private void ThrowIfDisposed()
    {
        if (_disposed)
            throw new HostMemoryException(Errno.EINVAL, "the address space has been disposed.");
    }
}
