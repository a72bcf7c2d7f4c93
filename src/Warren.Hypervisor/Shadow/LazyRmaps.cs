using Warren.HostMemory;
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
/// <param name="vm">whose slots</param>
/// <param name="pages">whose hash is made along with them</param>
internal sealed class LazyRmaps(VirtualMachine vm, ShadowPageSet pages)
{
    private bool _present;

    /// <summary>
    /// True when every slot has its <see cref="Memslot.Rmaps"/> (<c>kvm_memslots_have_rmaps</c>). Whoever reads true may read that without
    /// a lock.
    /// </summary>
    public bool Present => Atomics.Read(ref _present, this);

    /// <summary>Memory of the slots' data and of the hash; takes no lock.</summary>
    public (long Slots, long Hash) Bytes
    {
        get
        {
            var slots = 0L;
            for (var i = 0; Present && i < vm.Options.AddressSpaces; i++)
            {
                foreach (var slot in vm.GetMemslots(i)) slots += slot.Rmaps!.Bytes;
            }
            return (slots, Present ? pages.HashBytes : 0);
        }
    }

    /// <summary>
    /// Makes the hash of shadow pages and the <see cref="SlotRmaps"/> of all slots of all address spaces, unless they are there. To be
    /// called before a root is loaded; no spinning lock held, SlotsLock neither, SRCU perhaps. One atomic read once it is done.
    /// </summary>
    /// <returns>ENOMEM when the host has no memory: nothing has changed, and a later try may succeed. Null: they are there</returns>
    public MemslotException? FirstShadowRoot()
    {
        if (Present) return null;
        using var balance = Check.Balanced();
        vm.SlotsArchLock.Lock();
        var error = Present ? null : AllocateRmaps();
        vm.SlotsArchLock.Unlock();
        return error;
    }

    /// <summary>
    /// Gives a slot that is about to be published its own, unless there are none yet, or it has taken over another's. SlotsArchLock held.
    /// </summary>
    /// <exception cref="MemslotException">ENOMEM; nothing is kept</exception>
    public void Prepare(Memslot slot)
    {
        if (slot.Rmaps is null && Present) slot.Rmaps = NewRmaps(slot);
    }

    /// <summary>All or nothing, with SlotsArchLock held: the published sets cannot change.</summary>
    private MemslotException? AllocateRmaps()
    {
        List<(Memslot Slot, SlotRmaps Rmaps)> made = [];
        try
        {
            for (var i = 0; i < vm.Options.AddressSpaces; i++)
            {
                foreach (var slot in vm.GetMemslots(i)) made.Add((slot, NewRmaps(slot)));
            }
            vm.Step(MemslotStep.AllocateHash);
            pages.MakeHash();
        }
        catch (Exception e) when (e is OutOfMemoryException or MemslotException)
        {
            foreach (var (_, rmaps) in made) rmaps.Dispose();
            return e as MemslotException ?? new MemslotException(Errno.ENOMEM, "The host has no memory left for reverse maps.", e);
        }
        foreach (var (slot, rmaps) in made) slot.Rmaps = rmaps;
        // Last: whoever reads it finds all of the above.
        Atomics.Write(ref _present, true, this);
        return null;
    }

    private SlotRmaps NewRmaps(Memslot slot)
    {
        vm.Step(MemslotStep.AllocateRmaps);
        return new SlotRmaps(slot.BaseGfn, slot.NPages);
    }
}
