using System.Runtime.CompilerServices;

namespace Warren.Hypervisor;

/// <summary>The write fault that needs no lock: W was taken away for dirty logging only and may be given back.</summary>
internal sealed unsafe partial class TdpMmu
{
    private const int FastFaultTries = 4;

    /// <summary>
    /// Gives W back to the leaf of gfn when only dirty logging keeps it away, and marks the page. The compare-exchange covers the whole entry, so a
    /// leaf that was removed and set up again meanwhile is either the same mapping with the same rights or loses. Inside SRCU, no lock held.
    /// </summary>
    /// <returns>whether the page is writable now</returns>
    private bool FastPageFault(Vcpu vcpu, Memslot slot, ulong gfn)
    {
        int idx = TdpSrcu.ReadLock();
        bool done = TryRestoreWrite(vcpu, slot, gfn);
        TdpSrcu.ReadUnlock(idx);
        return done;
    }

    /// <summary>
    /// The same without leaving guest mode, which protects the walk as <see cref="TdpSrcu"/> does otherwise: a flush that takes W away waits for
    /// this vCPU. Nothing here waits for anybody.
    /// </summary>
    /// <returns>whether the page is writable now; false says nothing, the fault proper finds out</returns>
    public bool FastPageFaultInGuestMode(Vcpu vcpu, ulong gfn)
    {
        if (FindLeaf(vcpu.Root, gfn, out Spte seen, out _) == null || !seen.MmuWritable) return false;
        int idx = _vm.Srcu.ReadLock();
        Memslot? slot = _vm.GetMemslots(vcpu.AddressSpaceId).Find(gfn);
        bool done = slot is not null && (slot.Flags & (MemslotFlags.Invalid | MemslotFlags.ReadOnly)) == 0 && TryRestoreWrite(vcpu, slot, gfn);
        _vm.Srcu.ReadUnlock(idx);
        if (done) vcpu.StatisticsPointer->FaultsFast++;
        return done;
    }

    private bool TryRestoreWrite(Vcpu vcpu, Memslot slot, ulong gfn)
    {
        bool logged = (slot.Flags & MemslotFlags.LogDirtyPages) != 0;
        for (int i = 0; i < FastFaultTries; i++)
        {
            ulong* entry = FindLeaf(vcpu.Root, gfn, out Spte seen, out _);
            if (entry == null || !seen.MmuWritable || seen.IsHuge && logged) return false;
            // Someone else was here first, and marks it.
            if (seen.Writable) return true;
            if (!SpteAccess.TryReplace(entry, seen, seen.With(Spte.W | Spte.A | Spte.D))) continue;
            // After W, never before: see Map.
            if (logged) _vm.DirtyLog.MarkPageDirty(slot, gfn, vcpu);
            return true;
        }
        return false;
    }

    /// <summary>The leaf that maps gfn, or null. In guest mode, inside TdpSrcu, or with mmu_lock held.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* FindLeaf(SpteTable root, ulong gfn, out Spte seen, out int level) => FindLeaf(root, RootLevel, gfn, out seen, out level);
}
