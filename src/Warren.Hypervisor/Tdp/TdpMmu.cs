using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>
/// The stage-2 page tables of one VM (KVM's TDP MMU): guest frame numbers to host frames, four levels of 512 entries. Faults run in parallel
/// with <c>mmu_lock</c> shared and publish by compare-exchange; tables are unlinked only from invalid roots or with <c>mmu_lock</c>
/// held for write, and freed after every lockless walker has left.
/// </summary>
/// <remarks>
/// Who may walk a table: a vCPU in guest mode (a flush that waits for it ends that), a thread inside <see cref="TdpSrcu"/> outside guest mode,
/// a holder of <c>mmu_lock</c>. A table page is retired after the flush and freed after a grace period of <see cref="TdpSrcu"/>.
/// </remarks>
internal sealed unsafe partial class TdpMmu : Mmu
{
    /// <summary>Entries a walk that may yield handles between two looks at who waits for mmu_lock.</summary>
    private const int YieldInterval = 64;

    /// <summary>Level of a root: 48 bits of guest physical address.</summary>
    public const int RootLevel = 4;

    public TdpMmu(VirtualMachine vm) : base(vm)
    {
    }

    /// <summary>Read by walkers of the tables that hold no lock and are not in guest mode.</summary>
    public Srcu TdpSrcu { get; } = new(TdpLockClasses.TdpSrcu);

    public override bool TryTopUp(Vcpu vcpu) => vcpu.TableCache.TryTopUp(_allocator);

    public override void DrainCaches(Vcpu vcpu) => vcpu.TableCache.Drain(_allocator);

    public override void Dispose()
    {
        _mmuLock.WriteLock();
        InvalidateAllRoots();
        _mmuLock.WriteUnlock();
        ZapInvalidatedRoots();
        _allocator.Dispose();
    }

    /// <summary>Drops mmu_lock for those who wait for it, when somebody does; the cursor then starts from the root again.</summary>
    private bool YieldRead(ref TdpCursor cursor, ref int work)
    {
        if (++work % YieldInterval != 0 || !_mmuLock.IsContended) return false;
        _mmuLock.ReadUnlock();
        _counters.Yields++;
        _mmuLock.ReadLock();
        cursor.Restart();
        return true;
    }

    /// <summary>As <see cref="YieldRead"/> with mmu_lock held for write. What was zapped so far is flushed before anybody else gets the lock.</summary>
    private bool YieldWrite(ref TdpCursor cursor, ref int work, ref bool flush)
    {
        if (++work % YieldInterval != 0 || !_mmuLock.IsContended) return false;
        if (flush) _vm.FlushRemoteTlbs();
        flush = false;
        _mmuLock.WriteUnlock();
        _counters.Yields++;
        _mmuLock.WriteLock();
        cursor.Restart();
        return true;
    }
}
