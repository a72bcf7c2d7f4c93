using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.DirtyLogging;

/// <summary>
/// Which pages were written: bitmaps of memslots (KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG) or rings of vCPUs. A write is in the log of the
/// harvest that follows it, or of the one after; never in none.
/// </summary>
/// <remarks>
/// Two orders make that true. Whoever makes a page writable marks it after W stands. Whoever harvests takes the marks, then takes W away,
/// both in one section of mmu_lock held for write, and flushes before it returns: whenever any mark was taken, not only when an SPTE
/// changed.
/// </remarks>
internal sealed class DirtyLog
{
    private readonly VirtualMachine _vm;

    public DirtyLog(VirtualMachine vm) => _vm = vm;

    public bool UsesRings => _vm.Options.DirtyRingEntries != 0;

    /// <summary>True when logged memslots carry a bitmap.</summary>
    public bool UsesBitmap => !UsesRings || _vm.Options.DirtyRingWithBitmap;

    /// <summary>
    /// Writes to logged memslots by no vCPU that a ring-only VM could not record; such a VM needs
    /// <see cref="VmOptions.DirtyRingWithBitmap"/>.
    /// </summary>
    public long Unrecorded => Atomics.Read(ref _unrecorded, this);
    private long _unrecorded;

    /// <summary>
    /// Marks a page that just became writable or was just written. Inside SRCU, with the slot found in that section.
    /// </summary>
    /// <param name="slot">any memslot; nothing happens when it is not logged</param>
    /// <param name="gfn">a page of it</param>
    /// <param name="vcpu">the vCPU whose thread this is, while it handles its own fault; null for everybody else</param>
    public void MarkPageDirty(Memslot slot, Gfn gfn, Vcpu? vcpu)
    {
        if (!slot.LogsDirtyPages) return;
        var page = gfn - slot.BaseGfn;
        if (UsesRings && vcpu?.DirtyRing is { } ring)
        {
            ring.Push(new DirtyGfn(SlotKey(slot), page));
            if (ring.IsSoftFull) vcpu.PostRequest(VcpuRequest.DirtyRingSoftFull);
        }
        else if (slot.DirtyBitmap is { } bitmap)
        {
            bitmap.Set(page);
        }
        else
        {
            Atomics.Increment(ref _unrecorded, this);
        }
    }

    /// <summary>
    /// Copies the bitmap out; without manual protection also clears it and takes W from the pages reported.
    /// </summary>
    /// <param name="slotKey">low 16 bits the id, high 16 the address space</param>
    /// <param name="destination">a bit a page, at least as many words as the slot needs</param>
    /// <exception cref="MemslotException">ENXIO: ring-only VM; EINVAL: no such id or address space; ENOENT: no such slot, or it is not
    /// logged; EFAULT: destination too short</exception>
    public void Get(uint slotKey, Span<ulong> destination)
    {
        _vm.SlotsLock.Lock();
        try
        {
            (var slot, var bitmap) = Find(slotKey);
            var words = checked((int)bitmap.Words);
            if (destination.Length < words)
            {
                throw new MemslotException(Errno.EFAULT,
                    $"The buffer has {destination.Length} words; the dirty log of this memslot needs {words}.");
            }
            if (_vm.Options.ManualDirtyLogProtect)
            {
                for (var i = 0; i < words; i++) destination[i] = bitmap.Word((nuint)i);
                return;
            }
            if (Harvest(slot, bitmap, destination[..words])) _vm.FlushRemoteTlbs();
        }
        finally
        {
            _vm.SlotsLock.Unlock();
        }
    }

    /// <summary>True when any page was marked: then a flush is owed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // One call, a long loop: tiering would see it too late.
    private bool Harvest(Memslot slot, DirtyBitmap bitmap, Span<ulong> destination)
    {
        destination.Clear();
        var any = false;
        TableCache cache = default;
        LeafTable at = default;
        _vm.MmuLock.WriteLock();
        for (var i = bitmap.NextSet(0); i < bitmap.Words; i = bitmap.NextSet(i + 1))
        {
            var mask = bitmap.TakeWord(i);
            destination[(int)i] = mask;
            any = true;
            Protect(slot, (ulong)i * 64, mask, ref cache, ref at);
        }
        _vm.MmuLock.WriteUnlock();
        _vm.Mmu.DrainSplits(ref cache);
        return any;
    }

    /// <summary>Clears the given bits, and takes W from those pages that were marked; for manual protection.</summary>
    /// <param name="slotKey">as in <see cref="Get"/></param>
    /// <param name="firstPage">a multiple of 64</param>
    /// <param name="pages">a multiple of 64, or up to the slot's end</param>
    /// <param name="bits">bit 0 is firstPage</param>
    /// <exception cref="MemslotException">as <see cref="Get"/>; EINVAL: not multiples of 64, or beyond the slot</exception>
    public void Clear(uint slotKey, ulong firstPage, ulong pages, ReadOnlySpan<ulong> bits)
    {
        if (!UsesBitmap) throw RingOnly();
        _vm.SlotsLock.Lock();
        try
        {
            if (firstPage % 64 != 0)
                throw new MemslotException(Errno.EINVAL, $"The first page to clear, {firstPage}, is no multiple of 64.");
            (var slot, var bitmap) = Find(slotKey);
            if (firstPage > slot.NPages || pages > slot.NPages - firstPage || pages % 64 != 0 && pages != slot.NPages - firstPage)
            {
                throw new MemslotException(Errno.EINVAL,
                    $"Pages {firstPage} and {pages} following are not a whole number of 64-page chunks inside the memslot's {slot.NPages} "
                        + $"pages.");
            }
            var words = checked((int)((pages + 63) / 64));
            if (bits.Length < words)
                throw new MemslotException(Errno.EFAULT, $"The bitmap has {bits.Length} words; {pages} pages need {words}.");
            if (ClearBits(slot, bitmap, firstPage, bits[..words])) _vm.FlushRemoteTlbs();
        }
        finally
        {
            _vm.SlotsLock.Unlock();
        }
    }

    /// <summary>True when any of the pages was marked: then a flush is owed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool ClearBits(Memslot slot, DirtyBitmap bitmap, ulong firstPage, ReadOnlySpan<ulong> bits)
    {
        var any = false;
        TableCache cache = default;
        LeafTable at = default;
        _vm.MmuLock.WriteLock();
        for (var i = 0; i < bits.Length; i++)
        {
            if (bits[i] == 0) continue;
            var offset = firstPage + (ulong)i * 64;
            var mask = bitmap.ClearBits((nuint)(offset / 64), bits[i]);
            if (mask == 0) continue;
            any = true;
            Protect(slot, offset, mask, ref cache, ref at);
        }
        _vm.MmuLock.WriteUnlock();
        _vm.Mmu.DrainSplits(ref cache);
        return any;
    }

    /// <summary>Copies what a vCPU's ring gained since its last harvest.</summary>
    /// <exception cref="MemslotException">EINVAL: the VM uses bitmaps</exception>
    public int HarvestRing(Vcpu vcpu, Span<DirtyGfn> destination)
    {
        if (vcpu.DirtyRing is not { } ring) throw NoRings();
        _vm.SlotsLock.Lock();
        try
        {
            return ring.Harvest(destination);
        }
        finally
        {
            _vm.SlotsLock.Unlock();
        }
    }

    /// <summary>Takes W from every page harvested since the last reset, flushes, and gives the entries back to the rings.</summary>
    /// <returns>number of entries given back</returns>
    /// <exception cref="MemslotException">EINVAL: the VM uses bitmaps</exception>
    public int ResetRings()
    {
        if (!UsesRings) throw NoRings();
        var cleared = 0;
        _vm.SlotsLock.Lock();
        try
        {
            TableCache cache = default;
            LeafTable at = default;
            _vm.MmuLock.WriteLock();
            foreach (var vcpu in _vm.VcpuArray) cleared += ResetRing(vcpu.DirtyRing!, ref cache, ref at);
            _vm.MmuLock.WriteUnlock();
            _vm.Mmu.DrainSplits(ref cache);
            if (cleared > 0) _vm.FlushRemoteTlbs();
        }
        finally
        {
            _vm.SlotsLock.Unlock();
        }
        return cleared;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int ResetRing(DirtyRing ring, ref TableCache cache, ref LeafTable at)
    {
        var cleared = 0;
        uint key = 0;
        ulong chunk = 0;
        ulong mask = 0;
        // Neighbours of one slot make one mask, whichever direction the guest wrote in.
        for (; ring.PeekHarvested(out var gfn); ring.PopHarvested(), cleared++)
        {
            if (mask != 0 && (gfn.Slot != key || gfn.Offset / 64 != chunk))
            {
                ProtectKey(key, chunk * 64, mask, ref cache, ref at);
                mask = 0;
            }
            key = gfn.Slot;
            chunk = gfn.Offset / 64;
            mask |= 1UL << (int)(gfn.Offset % 64);
        }
        if (mask != 0) ProtectKey(key, chunk * 64, mask, ref cache, ref at);
        return cleared;
    }

    /// <summary>
    /// The slot may have gone, or shrunk by being created anew, since the entry was pushed: then there is nothing to protect.
    /// </summary>
    private void ProtectKey(uint key, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at)
    {
        var addressSpace = (int)(key >> 16);
        if (addressSpace >= _vm.Options.AddressSpaces) return;
        var slot = _vm.GetMemslots(addressSpace).FindById((int)(key & 0xffff));
        if (slot is null || offset >= slot.NPages) return;
        var left = slot.NPages - offset;
        if (left < 64) mask &= (1UL << (int)left) - 1;
        Protect(slot, offset, mask, ref cache, ref at);
    }

    private void Protect(Memslot slot, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at)
    {
        var tables = true;
        while (!_vm.Mmu.WriteProtectMasked(slot, offset, mask, ref cache, ref at, zapHuge: !tables))
        {
            _vm.MmuLock.WriteUnlock();
            at = default;
            tables = _vm.Mmu.TryTopUpSplits(ref cache);
            _vm.MmuLock.WriteLock();
        }
    }

    private (Memslot Slot, DirtyBitmap Bitmap) Find(uint slotKey)
    {
        if (!UsesBitmap) throw RingOnly();
        var addressSpace = (int)(slotKey >> 16);
        var id = (int)(slotKey & 0xffff);
        if (addressSpace >= _vm.Options.AddressSpaces || id >= VirtualMachine.UserMemslots)
            throw new MemslotException(Errno.EINVAL, $"There is no memslot id {id} in address space {addressSpace}.");
        var slot = _vm.GetMemslots(addressSpace).FindById(id);
        if (slot?.DirtyBitmap is not { } bitmap)
        {
            throw new MemslotException(Errno.ENOENT,
                slot is null ? $"Memslot {id} does not exist." : $"Memslot {id} is not logged: set LogDirtyPages first.");
        }
        return (slot, bitmap);
    }

    private static MemslotException RingOnly() => new(Errno.ENXIO, "This VM logs dirty pages in rings only.");

    private static MemslotException NoRings() =>
        new(Errno.EINVAL, "This VM logs dirty pages in bitmaps: give it a ring size when it is created.");

    internal static uint SlotKey(Memslot slot) => (uint)slot.AddressSpaceId << 16 | (uint)slot.Id;
}
