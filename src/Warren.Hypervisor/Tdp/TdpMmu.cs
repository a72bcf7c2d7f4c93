using Warren.HostMemory;
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
internal sealed unsafe partial class TdpMmu : IDisposable
{
    /// <summary>Entries a walk that may yield handles between two looks at who waits for mmu_lock.</summary>
    private const int YieldInterval = 64;

    private readonly VirtualMachine _vm;
    private readonly FramePool _pool;
    private readonly RwLock _mmuLock;
    private readonly SpinLock _tdpPagesLock = new(TdpLockClasses.TdpPagesLock);
    private readonly TdpTableAllocator _allocator;
    private TdpMmuCounters _counters;

    public TdpMmu(VirtualMachine vm)
    {
        _vm = vm;
        _pool = vm.Pool;
        _mmuLock = vm.MmuLock;
        _allocator = new TdpTableAllocator(_tdpPagesLock);
    }

    /// <summary>Read by walkers of the tables that hold no lock and are not in guest mode.</summary>
    public Srcu TdpSrcu { get; } = new(TdpLockClasses.TdpSrcu);

    public TdpTableAllocator Allocator => _allocator;

    /// <summary>A copy of the counters; exact when the VM is at rest.</summary>
    public TdpMmuCounters Counters => _counters;

    /// <summary>Frees every table. No vCPU, notifier or ioctl may be active any more, and every vCPU has put its root.</summary>
    public void Dispose()
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

/// <summary>What happened to a VM's stage-2 tables outside its vCPUs. Statistics: racing increments may be lost, nothing depends on them.</summary>
public struct TdpMmuCounters
{
    /// <summary>Leaves removed by notifications.</summary>
    public long SptesUnmapped;
    /// <summary>Entries removed with the root they hung in.</summary>
    public long SptesZapped;
    public long RootsAllocated;
    public long RootsInvalidated;
    public long FastZaps;
    public long Yields;
    public long HugeSplits;
    public long HugeMerges;
    public long WriteProtected;
}
