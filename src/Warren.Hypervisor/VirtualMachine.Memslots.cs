using Warren.HostMemory;

namespace Warren.Hypervisor;

public sealed partial class VirtualMachine
{
    private ulong _memslotPages;
    private int _memslotsDirtyLogging;

    /// <summary>Told of each step of an update; an answer makes that step fail with it, where it can fail. For tests.</summary>
    internal Func<MemslotStep, Errno?>? MemslotHook { get; set; }

    /// <summary>Pages of all slots (<c>nr_memslot_pages</c>). SlotsLock.</summary>
    internal ulong MemslotPages => _memslotPages;

    /// <summary>Slots with LogDirtyPages (<c>nr_memslots_dirty_logging</c>). Written with SlotsLock held.</summary>
    internal int MemslotsDirtyLogging => _memslotsDirtyLogging;

    /// <summary>
    /// Creates, deletes, moves a memslot or changes its flags (<c>KVM_SET_USER_MEMORY_REGION</c>). When it returns from a deletion or a move, nothing of the
    /// VM refers to the old slot any more. Sleeps for grace periods (one; two to delete or move) and until no invalidation of the address space is in flight.
    /// </summary>
    /// <exception cref="MemslotException">
    /// EINVAL, EEXIST, ENOMEM or EIO, as KVM checks and in its order; nothing has changed.
    /// </exception>
    public void SetUserMemoryRegion(in UserMemoryRegion region)
    {
        MemslotCheck.Request(region, Options.AddressSpaces);
        SlotsLock.Lock();
        try
        {
            var space = _spaces[region.AddressSpaceId];
            var old = space.Ids.Find(region.Id);
            if (MemslotCheck.Change(region, old, _memslotPages, space.Current) is not { } change) return;
            var slot = change == MemslotChange.Delete ? null : AllocateSlot(space, region);
            SetMemslot(space, old, slot, change);
        }
        catch (OutOfMemoryException e)
        {
            throw new MemslotException(Errno.ENOMEM, $"The host has no memory left for slot {region.Id} of address space {region.AddressSpaceId}.", e);
        }
        finally
        {
            SlotsLock.Unlock();
        }
    }

    /// <summary>
    /// SlotsLock held. SlotsArchLock covers everything from the first look at the old slot's MMU data to each publication, and no grace period:
    /// <see cref="Activate"/> releases it, on success as on failure.
    /// </summary>
    private void SetMemslot(MemslotSpace space, Memslot? old, Memslot? slot, MemslotChange change)
    {
        SlotsArchLock.Lock();
        var invalid = change is MemslotChange.Delete or MemslotChange.Move ? Invalidate(space, old!) : null;
        try
        {
            PrepareMemoryRegion(old, slot, change);
        }
        catch
        {
            if (invalid is null) SlotsArchLock.Unlock();
            else Activate(space, invalid, old);
            throw;
        }
        Activate(space, invalid ?? old, slot);
        space.Ids.Set((slot ?? old)!.Id, slot);
        CommitMemoryRegion(old, slot, change);
    }

    /// <summary>
    /// Puts an invalid copy in place of <paramref name="old"/> and zaps what maps it (<c>kvm_invalidate_memslot</c>). The copy stays where
    /// notifications find it. SlotsArchLock is held at entry and return, and released in between; after a failure it is not held.
    /// </summary>
    private Memslot Invalidate(MemslotSpace space, Memslot old)
    {
        Memslot invalid;
        try
        {
            Step(MemslotStep.AllocateInvalidSlot);
            invalid = new Memslot(_notifier, old.AddressSpaceId, old.Id, old.BaseGfn, old.NPages, old.UserspaceAddress, old.Flags | MemslotFlags.Invalid)
            {
                DirtyBitmap = old.DirtyBitmap,
                Arch = old.Arch,
            };
        }
        catch
        {
            SlotsArchLock.Unlock();
            throw;
        }
        Activate(space, old, invalid);
        // After the grace period: no fault is still under way with the valid slot in its hands, to map it again behind the zap.
        Tdp.ZapAllFast();
        Step(MemslotStep.Zapped);
        SlotsArchLock.Lock();
        // The MMU may have allocated its data meanwhile, in the copy that was published.
        old.Arch = invalid.Arch;
        return invalid;
    }

    /// <summary>All that may still fail: the dirty bitmap, then the MMU's part (<c>kvm_prepare_memory_region</c>).</summary>
    private void PrepareMemoryRegion(Memslot? old, Memslot? slot, MemslotChange change)
    {
        if (slot is null)
        {
            Step(MemslotStep.PrepareArch);
            return;
        }
        DirtyBitmap? allocated = null;
        if (slot.LogsDirtyPages && DirtyLog.UsesBitmap)
        {
            slot.DirtyBitmap = old?.DirtyBitmap ?? (allocated = AllocateBitmap(slot.NPages));
            if (allocated is not null && Options.ManualDirtyLogProtect && Options.DirtyLogInitiallySet) allocated.FillOnes();
        }
        try
        {
            Step(MemslotStep.PrepareArch);
            MemslotCheck.Arch(slot);
        }
        catch
        {
            allocated?.Dispose();
            throw;
        }
        // What the MMU keeps depends on where the slot lies: it survives a change of flags, not a move.
        if (change == MemslotChange.FlagsOnly) slot.Arch = old!.Arch;
    }

    /// <summary>
    /// Publishes <paramref name="add"/> in place of <paramref name="remove"/>, either of which may be null, releases SlotsArchLock, and waits until nobody
    /// reads the old set (<c>kvm_swap_active_memslots</c>).
    /// </summary>
    private void Activate(MemslotSpace space, Memslot? remove, Memslot? add)
    {
        Memslots published;
        try
        {
            var tree = space.Current.Tree;
            if (remove is not null && add is not null && remove.BaseGfn == add.BaseGfn)
            {
                tree = tree.Replace(add);
            }
            else
            {
                if (remove is not null) tree = tree.Remove(remove.BaseGfn);
                if (add is not null) tree = tree.Add(add);
            }
            published = space.Publish(Memory.Notifiers, tree, remove, add);
        }
        catch (OutOfMemoryException) when (remove is { IsInvalid: true })
        {
            // An invalid slot that cannot be replaced would have its faults retry for ever.
            Kill("The host has no memory left to finish an update of the guest's memory slots.");
            throw;
        }
        finally
        {
            // Before the grace period: a reader that is waited for may be waiting for this lock.
            SlotsArchLock.Unlock();
        }
        Step(MemslotStep.BeforeGracePeriod);
        Srcu.SynchronizeExpedited();
        var generation = (published.Generation & ~Memslots.UpdateInProgress) + (ulong)_spaces.Length;
        Tdp.OnMemslotGeneration(generation);
        published.Generation = generation;
        Counters.MemslotGracePeriods++;
        Step(MemslotStep.AfterGracePeriod);
    }

    /// <summary>Nothing can fail any more (<c>kvm_commit_memory_region</c>).</summary>
    private void CommitMemoryRegion(Memslot? old, Memslot? slot, MemslotChange change)
    {
        _memslotPages += (slot?.NPages ?? 0) - (old?.NPages ?? 0);
        _memslotsDirtyLogging += (slot is { LogsDirtyPages: true } ? 1 : 0) - (old is { LogsDirtyPages: true } ? 1 : 0);
        Counters.MemslotUpdates++;
        Tdp.CommitMemoryRegion(old, slot, change);
        if (old?.DirtyBitmap is { } bitmap && !ReferenceEquals(bitmap, slot?.DirtyBitmap)) bitmap.Dispose();
    }

    private Memslot AllocateSlot(MemslotSpace space, in UserMemoryRegion r)
    {
        Step(MemslotStep.ReserveId);
        space.Ids.Reserve(r.Id);
        Step(MemslotStep.AllocateSlot);
        return new Memslot(_notifier, space.Id, r.Id, r.GuestPhysicalAddress >> PageShift, r.MemorySize >> PageShift, r.UserspaceAddress, r.Flags);
    }

    private DirtyBitmap AllocateBitmap(ulong pages)
    {
        Step(MemslotStep.AllocateBitmap);
        return new DirtyBitmap(pages);
    }

    private void Step(MemslotStep step)
    {
        if (MemslotHook?.Invoke(step) is { } errno) throw new MemslotException(errno, $"Made to fail at {step}.");
    }
}
