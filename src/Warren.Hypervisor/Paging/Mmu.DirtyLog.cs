using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Paging;

/// <summary>Dirty logging, as far as it is the same for both kinds of tables.</summary>
internal abstract partial class Mmu
{
    /// <summary>
    /// After the memslots changed for good (<c>kvm_mmu_slot_apply_flags</c>): a slot whose logging was switched on loses its huge leaves
    /// and W (unless everything counts as dirty already: then CLEAR does it piece by piece), one whose logging was switched off gets huge
    /// leaves back. SlotsLock held, no spinning lock.
    /// </summary>
    /// <param name="before">the slot as it was, or null</param>
    /// <param name="after">the slot as it is, or null</param>
    /// <param name="change">only a change of flags matters: created, deleted and moved slots have no SPTE</param>
    public void CommitMemoryRegion(Memslot? before, Memslot? after, MemslotChange change)
    {
        if (change != MemslotChange.FlagsOnly || before is null || after is null || before.LogsDirtyPages == after.LogsDirtyPages) return;
        if (!after.LogsDirtyPages)
        {
            RecoverHugePages(after);
            return;
        }
        if (_vm.Options.DirtyLogInitiallySet && _vm.Options.ManualDirtyLogProtect) return;
        ProtectSlot(after);
        // Unconditional: what lockless code gave or took meanwhile is told by MMU-writable, not by whether this walk changed anything.
        _vm.FlushRemoteTlbs();
    }

    /// <summary>Takes W and D from every page of the slot, splitting huge leaves. The caller flushes. Takes mmu_lock.</summary>
    protected abstract void ProtectSlot(Memslot slot);

    /// <summary>
    /// Makes huge leaves possible again where the slot's pages are neighbours in the host (<c>kvm_mmu_recover_huge_pages</c>). Takes
    /// mmu_lock.
    /// </summary>
    protected abstract void RecoverHugePages(Memslot slot);
}
