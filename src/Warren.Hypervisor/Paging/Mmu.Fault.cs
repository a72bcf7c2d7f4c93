using Warren.HostMemory;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// The page fault, as far as it is the same for both kinds of tables: from a gfn to the frame behind it, and the checks under mmu_lock.
/// </summary>
internal abstract unsafe partial class Mmu
{
    /// <summary>
    /// Resolves one fault of a vCPU that is outside guest mode, with full caches. May sleep in the host's memory manager, before mmu_lock
    /// is taken. Allocates nothing on the managed heap.
    /// </summary>
    public abstract FaultResult HandleFault(ref PageFault fault);

    /// <summary>
    /// A write that can be answered from the slot and the tables as they are, before the host is asked. Inside SRCU, no lock held; the slot
    /// is valid and writable.
    /// </summary>
    protected abstract bool TrySettleWrite(ref PageFault fault, out FaultResult result);

    /// <summary>Remembers that no memslot is there, for the generation of memslots that was read in this SRCU section.</summary>
    protected abstract FaultResult MapMmio(ref PageFault fault, Memslots slots);

    /// <summary>The checks under mmu_lock, which is held as <see cref="LockForFault"/> takes it, and the leaf.</summary>
    protected abstract FaultResult MapFault(ref PageFault fault);

    /// <summary>mmu_lock: for read where faults publish by compare-exchange, else for write.</summary>
    protected abstract void LockForFault();

    protected abstract void UnlockForFault();

    /// <summary>The fault from its gfn on. Inside SRCU; the snapshot of the sequence was taken before the gfn was known.</summary>
    protected FaultResult FaultAt(ref PageFault fault)
    {
        fault.Pessimistic = fault.Retries >= _vm.OptimisticRetries;
        var slots = _vm.GetMemslots(fault.Vcpu.AddressSpaceId);
        var slot = fault.Slot = slots.Find(fault.Gfn);
        if (slot is null) return MapMmio(ref fault, slots);
        if (slot.IsInvalid)
        {
            fault.Statistics->RetriesInvalidSlot++;
            return FaultResult.Retry;
        }
        if (fault.IsWrite && slot.IsReadOnly)
        {
            fault.Statistics->FaultsMmio++;
            return FaultResult.Mmio;
        }
        return fault.IsWrite && TrySettleWrite(ref fault, out var result) ? result : FaultIn(ref fault);
    }

    /// <summary>Finds the frame (<c>kvm_mmu_faultin_pfn</c>), and has it mapped.</summary>
    private FaultResult FaultIn(ref PageFault fault)
    {
        if (IsStaleUnsafe(ref fault)) return FaultResult.Retry;
        var status = _vm.Memory.Fault(fault.Hva, fault.IsWrite, out fault.Mapping);
        if (status != FaultStatus.Ok) return HostFaultFailed(ref fault, status);
        var result = FaultResult.Retry;
        var superseded = Pfn.None;
        if (!IsStaleUnsafe(ref fault))
        {
            LockForFault();
            if (!fault.Pessimistic || _vm.TryLookUp(fault.Slot!, fault.Gfn, fault.IsWrite, ref fault.Mapping, out superseded))
                result = MapFault(ref fault);
            else fault.Statistics->RetriesInvalidation++;
            UnlockForFault();
        }
        // The SPTE needs no reference: the notification that precedes the frame's end removes it.
        // Without the lock: one that the host has given up meanwhile is freed here, and that may wait.
        _pool.Put(fault.Mapping.Pfn);
        if (!superseded.IsNone) _pool.Put(superseded);
        return result;
    }

    /// <summary>Not authoritative: spares mmu_lock and the host's memory manager while an invalidation is under way.</summary>
    private bool IsStaleUnsafe(ref PageFault fault)
    {
        if (fault.Pessimistic || !_vm.Invalidation.RetryGfnRangeUnsafe(fault.Sequence, fault.Gfn, fault.Gfn + 1)) return false;
        fault.Statistics->RetriesInvalidation++;
        return true;
    }

    private FaultResult HostFaultFailed(ref PageFault fault, FaultStatus status)
    {
        fault.Statistics->FaultsFailed++;
        if (status == FaultStatus.OutOfMemory) _vm.ReportError(VmErrors.OutOfMemory);
        else if (status == FaultStatus.IoError) _vm.ReportError(VmErrors.IoError, _vm.Memory.ReadErrorAt(fault.Hva));
        return FaultResult.Error;
    }

    /// <summary>
    /// True when what was found may be mapped (<c>is_page_fault_stale</c>), and at which level (<c>kvm_mmu_hugepage_adjust</c>). mmu_lock
    /// held as <see cref="LockForFault"/> takes it.
    /// </summary>
    /// <param name="fault">gets its <see cref="PageFault.GoalLevel"/></param>
    /// <param name="mayBeHuge">nothing but the slot, the host and invalidations speaks against 2 MiB</param>
    /// <param name="refusal">set when the answer is false</param>
    protected bool MayMap(ref PageFault fault, bool mayBeHuge, out FaultResult refusal)
    {
        refusal = FaultResult.Retry;
        if (IsObsolete(fault.Root))
        {
            fault.Statistics->RetriesObsoleteRoot++;
            return false;
        }
        fault.GoalLevel = 1;
        if (mayBeHuge && fault.Mapping.Order >= FramePool.BlockOrder && HugeAllowed(fault.Slot!, fault.Gfn))
        {
            // Every page of the mapping must be outside of what is being invalidated, not only the one that faulted.
            var first = fault.Gfn.AlignDown(SpteTable.PagesPerEntry(2));
            var sequence = fault.Pessimistic ? _vm.Invalidation.Sequence : fault.Sequence;
            if (!_vm.Invalidation.RetryGfnRange(sequence, first, first + SpteTable.PagesPerEntry(2))) fault.GoalLevel = 2;
        }
        if (fault.GoalLevel == 1 && !fault.Pessimistic && _vm.Invalidation.RetryGfn(fault.Sequence, fault.Gfn))
        {
            fault.Statistics->RetriesInvalidation++;
            return false;
        }
        if (fault.IsWrite && !fault.Mapping.Writable)
        {
            _vm.ReportError(VmErrors.NotWritable);
            refusal = FaultResult.Error;
            return false;
        }
        return true;
    }

    /// <summary>
    /// A 2 MiB leaf may stand for the pages around gfn when the memslot covers them all, aligned alike on both sides, and none of them is
    /// logged.
    /// </summary>
    protected bool HugeAllowed(Memslot slot, Gfn gfn)
    {
        var pages = SpteTable.PagesPerEntry(2);
        var first = gfn.AlignDown(pages);
        return _vm.Options.HugePages
            && !slot.LogsDirtyPages
            && first >= slot.BaseGfn && first + pages <= slot.EndGfn
            && (slot.UserspaceAddress.PageNumber - slot.BaseGfn.Value & pages - 1) == 0;
    }
}
