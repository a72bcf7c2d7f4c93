using Warren.HostMemory;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Hypervisor;

public sealed partial class VirtualMachine
{
    private ulong _memslotPages;
    private int _memslotsDirtyLogging;

    /// <summary>Told of each step of an update; an answer makes that step fail with it, where it can fail. For tests.</summary>
    internal Func<MemslotStep, Errno?>? MemslotHook { get; set; }

    /// <summary>Pages of all slots (<c>nr_memslot_pages</c>). SlotsLock.</summary>
    internal ulong MemslotPages => Atomics.Read(ref _memslotPages, this);

    /// <summary>Slots with LogDirtyPages (<c>nr_memslots_dirty_logging</c>). Written with SlotsLock held.</summary>
    internal int MemslotsDirtyLogging => Atomics.Read(ref _memslotsDirtyLogging, this);

    /// <summary>
    /// Creates, deletes or moves a memslot, or changes its flags (<c>KVM_SET_USER_MEMORY_REGION</c>). When it returns from a deletion or a
    /// move, nothing of the VM refers to the old slot any more. Sleeps for grace periods (one; two to delete or move), and with
    /// <see cref="GateKind.ActiveCount"/> until no invalidation of the address space is in flight.
    /// </summary>
    /// <exception cref="MemslotException">
    /// EINVAL, EEXIST, ENOMEM or EIO, as KVM checks and in its order; nothing has changed.
    /// </exception>
    public void SetUserMemoryRegion(in UserMemoryRegion region)
    {
        using var balance = Check.Balanced();
        MemslotCheck.Request(region, Options.AddressSpaces);
        SlotsLock.Lock();
        try
        {
            var space = _spaces[region.AddressSpaceId];
            var old = space.Ids.Find(region.Id);
            if (MemslotCheck.Change(region, old, MemslotPages, space.Current) is not { } change) return;
            var slot = change == MemslotChange.Delete ? null : AllocateSlot(space, region);
            SetMemslot(space, old, slot, change);
        }
        catch (OutOfMemoryException e)
        {
            throw new MemslotException(Errno.ENOMEM,
                $"The host has no memory left for slot {region.Id} of address space {region.AddressSpaceId}.", e);
        }
        finally
        {
            SlotsLock.Unlock();
        }
        AuditNow();
    }

    /// <summary>
    /// SlotsLock held. SlotsArchLock is held from the first look at the old slot's MMU data until the new set is published, and over no
    /// grace period.
    /// </summary>
    private void SetMemslot(MemslotSpace space, Memslot? old, Memslot? slot, MemslotChange change)
    {
        var goes = change is MemslotChange.Delete or MemslotChange.Move;
        if (goes) InvalidateMemslot(old!);
        Memslots published;
        SlotsArchLock.Lock();
        try
        {
            PrepareMemoryRegion(old, slot, change);
            Step(MemslotStep.Publish);
            published = space.Publish(Gate, old, slot);
        }
        catch
        {
            // Cannot fail, and needs no grace period: faults that found the slot invalid look again.
            if (goes) old!.IsInvalid = false;
            if (slot is not null) FreeMemslot(slot, old);
            throw;
        }
        finally
        {
            // Before the grace period: a reader that is waited for may be waiting for this lock.
            SlotsArchLock.Unlock();
        }
        AwaitReaders();
        var generation = (published.Generation & ~Memslots.UpdateInProgress) + (ulong)_spaces.Length;
        Mmu.OnMemslotGeneration(generation);
        published.Generation = generation;
        space.Ids.Set((slot ?? old)!.Id, slot);
        CommitMemoryRegion(old, slot, change);
        if (goes) Check.Mark(slot is null ? HypervisorMarks.MemslotDeleted : HypervisorMarks.MemslotMoved, this, old!.Id, space.Id);
    }

    /// <summary>
    /// Marks a slot that is to go, and removes what maps it (<c>kvm_invalidate_memslot</c>). It stays where lookups and notifications find
    /// it. A mark on the slot itself, where KVM publishes a marked copy: nothing to allocate or to swap back, and no invalidation to wait
    /// for.
    /// </summary>
    private void InvalidateMemslot(Memslot slot)
    {
        slot.IsInvalid = true;
        AwaitReaders();
        // No fault that found the slot valid is still under way, to map it again behind the zap.
        Mmu.ZapAllFast();
        Step(MemslotStep.Zapped);
    }

    private void AwaitReaders()
    {
        Step(MemslotStep.BeforeGracePeriod);
        Srcu.SynchronizeExpedited();
        Counters.MemslotGracePeriods++;
        Step(MemslotStep.AfterGracePeriod);
    }

    /// <summary>The dirty bitmap, then the MMU's part (<c>kvm_prepare_memory_region</c>). May fail; the caller frees what is new.</summary>
    private void PrepareMemoryRegion(Memslot? old, Memslot? slot, MemslotChange change)
    {
        if (slot is { LogsDirtyPages: true } && DirtyLog.UsesBitmap) slot.DirtyBitmap = old?.DirtyBitmap ?? AllocateBitmap(slot.NPages);
        Step(MemslotStep.PrepareMmu);
        if (slot is null) return;
        MemslotCheck.FitsMmu(slot);
        // What the MMU keeps depends on where the slot lies: it survives a change of flags, not a move.
        if (change == MemslotChange.FlagsOnly) slot.Rmaps = old!.Rmaps;
        Mmu.PrepareMemoryRegion(slot);
    }

    /// <summary>Nothing can fail any more (<c>kvm_commit_memory_region</c>).</summary>
    private void CommitMemoryRegion(Memslot? old, Memslot? slot, MemslotChange change)
    {
        Atomics.Write(ref _memslotPages, MemslotPages + (slot?.NPages ?? 0) - (old?.NPages ?? 0), this);
        var logging = MemslotsDirtyLogging + (slot is { LogsDirtyPages: true } ? 1 : 0) - (old is { LogsDirtyPages: true } ? 1 : 0);
        Atomics.Write(ref _memslotsDirtyLogging, logging, this);
        Counters.MemslotUpdates++;
        Mmu.CommitMemoryRegion(old, slot, change);
        if (old is not null) FreeMemslot(old, slot);
    }

    /// <summary>
    /// Frees what hangs on a slot object that nobody sees any more, but for what another object for the slot goes on using
    /// (<c>kvm_free_memslot</c>).
    /// </summary>
    private void FreeMemslot(Memslot gone, Memslot? stays)
    {
        if (gone.DirtyBitmap is { } bitmap && !ReferenceEquals(bitmap, stays?.DirtyBitmap)) bitmap.Dispose();
        if (gone.Rmaps is { } rmaps && !ReferenceEquals(rmaps, stays?.Rmaps)) Mmu.FreeMemoryRegion(gone);
    }

    private Memslot AllocateSlot(MemslotSpace space, in UserMemoryRegion r)
    {
        Step(MemslotStep.ReserveId);
        space.Ids.Reserve(r.Id);
        Step(MemslotStep.AllocateSlot);
        return new Memslot(_notifier, space.Id, r.Id, r.GuestPhysicalAddress.Gfn, r.MemorySize >> PageShift, r.UserspaceAddress,
            r.Flags);
    }

    private DirtyBitmap AllocateBitmap(ulong pages)
    {
        Step(MemslotStep.AllocateBitmap);
        var bitmap = new DirtyBitmap(pages);
        if (Options.ManualDirtyLogProtect && Options.DirtyLogInitiallySet) bitmap.FillOnes();
        return bitmap;
    }

    internal void Step(MemslotStep step)
    {
        if (MemslotHook?.Invoke(step) is { } errno) throw new MemslotException(errno, $"Made to fail at {step}.");
    }
}
