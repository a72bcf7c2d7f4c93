using System.Diagnostics;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Tdp;

/// <summary>
/// The stage-2 page tables of one VM (KVM's TDP MMU): guest frame numbers to host frames, four levels of 512 entries. Faults run in
/// parallel with <c>mmu_lock</c> shared and publish by compare-exchange; tables are unlinked only from invalid roots or with
/// <c>mmu_lock</c> held for write, and freed after every lockless walker has left.
/// </summary>
/// <remarks>
/// Who may walk a table: a vCPU in guest mode (a flush that waits for it ends that), a thread inside <see cref="TdpSrcu"/> outside guest
/// mode, a holder of <c>mmu_lock</c> for write, and one for read from a root that is valid while he holds it: obsolete ones are taken
/// apart beside other readers. A table page is retired after the flush and freed after a grace period of <see cref="TdpSrcu"/>.
/// </remarks>
internal sealed unsafe partial class TdpMmu : Mmu
{
    /// <summary>Entries a walk that may yield handles between two looks at who waits for mmu_lock.</summary>
    private const int YieldInterval = 64;

    /// <summary>
    /// Entries a walk that owes no flush handles before it drops mmu_lock, whoever waits or does not: some 20 to 50 us of work.
    /// </summary>
    private const int BreakInterval = 512;

    public const int RootLevel = DirectLevels;

    public TdpMmu(VirtualMachine vm) : base(vm)
    {
    }

    /// <summary>Read by walkers of the tables that hold no lock and are not in guest mode.</summary>
    public Srcu TdpSrcu { get; } = new(HypervisorLocks.TdpSrcu);

    public override bool TryTopUp(Vcpu vcpu) => vcpu.TableCache.TryTopUp(_allocator);

    public override void DrainCaches(Vcpu vcpu) => vcpu.TableCache.Drain(_allocator);

    /// <inheritdoc/>
    public override bool AreCachesNew(Vcpu vcpu) => vcpu.TableCache.IsNew;

    public override void Dispose()
    {
        _mmuLock.WriteLock();
        InvalidateAll();
        _mmuLock.WriteUnlock();
        ZapObsolete();
        _allocator.Dispose();
    }

    /// <summary>
    /// Drops mmu_lock, held for read, for those who wait for it, when somebody does; the cursor then starts from the root again.
    /// </summary>
    /// <returns>whether it was dropped: roots may be obsolete now that were not</returns>
    private bool YieldRead(ref TdpCursor cursor)
    {
        if (cursor.Effort < YieldInterval) return false;
        cursor.Effort = 0;
        if (!_mmuLock.IsContended) return false;
        _mmuLock.ReadUnlock();
        _counters.Yields++;
        _mmuLock.ReadLock();
        cursor.Restart();
        return true;
    }

    /// <summary>
    /// As <see cref="YieldRead"/> with mmu_lock held for write. What was zapped so far is flushed before anybody else gets the lock.
    /// </summary>
    private void YieldWrite(ref TdpCursor cursor, ref bool flush)
    {
        if (cursor.Effort < YieldInterval) return;
        cursor.Effort = 0;
        if (!_mmuLock.IsContended) return;
        if (flush) _vm.FlushRemoteTlbs();
        flush = false;
        _mmuLock.WriteUnlock();
        _counters.Yields++;
        _mmuLock.WriteLock();
        cursor.Restart();
    }

    /// <summary>As <see cref="YieldRead"/>, and now and then without anybody who waits: no stretch of mmu_lock is long.</summary>
    private void BreakRead(ref TdpCursor cursor, ref int work, ref long since)
    {
        if (cursor.Effort < YieldInterval) return;
        work += cursor.Effort;
        cursor.Effort = 0;
        if (work < BreakInterval && !_mmuLock.IsContended) return;
        work = 0;
        NoteHold(since);
        _mmuLock.ReadUnlock();
        _counters.Yields++;
        _mmuLock.ReadLock();
        since = Stopwatch.GetTimestamp();
        cursor.Restart();
    }
}
