using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The data of shadow paging for memslots and pages, made when the first shadow root is (<c>mmu_first_shadow_root_alloc</c>): a VM whose
/// guest never runs pays nothing. From then on each slot that is created or moved brings its own.
/// </summary>
/// <remarks>
/// Both sides hold slots_arch_lock: an update from its first look at what a slot has until the new set is published, the first root while
/// it goes over all published slots and raises the flag. So an update comes before, and its slots are among those gone over, or after, and
/// finds the flag.
/// </remarks>
internal sealed unsafe partial class ShadowMmu
{
    internal const int HashShift = 12;

    private nuint _hash;
    private bool _haveRmaps;

    /// <summary>
    /// True when every slot has its <see cref="Memslot.Arch"/> (<c>kvm_memslots_have_rmaps</c>). Whoever reads true may read that without a
    /// lock.
    /// </summary>
    internal bool HaveRmaps => Atomics.Read(ref _haveRmaps, this);

    /// <summary>
    /// Makes the hash of shadow pages and the <see cref="SlotRmaps"/> of all slots of all address spaces, unless they are there. To be
    /// called before a root is loaded; no spinning lock held, SlotsLock neither, SRCU perhaps. One atomic read once it is done.
    /// </summary>
    /// <returns>ENOMEM when the host has no memory: nothing has changed, and a later try may succeed. Null: they are there</returns>
    public Errno? FirstShadowRoot()
    {
        if (HaveRmaps) return null;
        using var balance = Check.Balanced();
        _vm.SlotsArchLock.Lock();
        var error = HaveRmaps ? null : AllocateRmaps();
        _vm.SlotsArchLock.Unlock();
        return error;
    }

    /// <inheritdoc/>
    public override MmuMetadata Metadata
    {
        get
        {
            var slots = 0L;
            for (var i = 0; HaveRmaps && i < _vm.Options.AddressSpaces; i++)
            {
                foreach (var slot in _vm.GetMemslots(i)) slots += slot.Arch!.Bytes;
            }
            return new MmuMetadata
            {
                Tables = _allocator.Bytes,
                Slots = slots,
                Records = _pagePool.Bytes + _rmapPool.Bytes + (HaveRmaps ? sizeof(ulong) << HashShift : 0)
            };
        }
    }

    /// <inheritdoc/>
    public override void PrepareMemoryRegion(Memslot slot)
    {
        if (slot.Arch is null && HaveRmaps) slot.Arch = NewRmaps(slot);
        NoteAliases(slot);
    }

    /// <inheritdoc/>
    public override void FreeMemoryRegion(Memslot slot) => slot.Arch?.Dispose();

    /// <summary>All or nothing, with SlotsArchLock held: the published sets cannot change.</summary>
    private Errno? AllocateRmaps()
    {
        List<(Memslot Slot, SlotRmaps Rmaps)> made = [];
        try
        {
            for (var i = 0; i < _vm.Options.AddressSpaces; i++)
            {
                foreach (var slot in _vm.GetMemslots(i)) made.Add((slot, NewRmaps(slot)));
            }
            _vm.Step(MemslotStep.AllocateHash);
            _hash = (nuint)NativeMemory.AllocZeroed(1 << HashShift, (nuint)sizeof(ulong));
        }
        catch (Exception e) when (e is OutOfMemoryException or MemslotException)
        {
            foreach (var (_, rmaps) in made) rmaps.Dispose();
            return Errno.ENOMEM;
        }
        foreach (var (slot, rmaps) in made) slot.Arch = rmaps;
        // Last: whoever reads it finds all of the above.
        Atomics.Write(ref _haveRmaps, true, this);
        return null;
    }

    private void FreeHash()
    {
        NativeBlock.Free((void*)_hash);
        _hash = 0;
    }

    private SlotRmaps NewRmaps(Memslot slot)
    {
        _vm.Step(MemslotStep.AllocateRmaps);
        return new SlotRmaps(slot.BaseGfn, slot.NPages);
    }
}
