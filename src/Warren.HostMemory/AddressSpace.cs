using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// A host virtual address space (KVM's mm): what the kernel's mm_struct is to a VM's process. Maps host virtual addresses (hva, 47 bits) to
/// frames of a pool, on demand, and tells its <see cref="Notifiers"/> around every change. All members may be called from any thread.
/// </summary>
public sealed partial class AddressSpace : IDisposable
{
    /// <summary>Addresses below are never mapped.</summary>
    public static Hva LowestAddress => new(0x10000);

    /// <summary>First address that no mapping reaches: x86-64's <c>TASK_SIZE_MAX</c>, a page below the end of the lower half.</summary>
    public static Hva AddressLimit => new((1UL << 47) - FramePool.PageSize);

    /// <summary>Where mappings without a hint begin.</summary>
    private static Hva MapBase => new(0x1000_0000_0000);

    private readonly MemoryBudget? _budget;
    private readonly PageTable _table;
    private readonly VmaList _vmas = new();
    private readonly LockMap _disposal = new(HostMemoryLocks.Disposal);
    private FaultCounters _counters;
    private bool _disposed;

    /// <param name="pool">Where frames come from; must outlive this.</param>
    /// <param name="budget">What they are charged to; null: only the pool bounds them.</param>
    public AddressSpace(FramePool pool, MemoryBudget? budget = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Pool = pool;
        _budget = budget;
        _table = new PageTable(pool);
        Notifiers = new MmuNotifiers();
    }

    public FramePool Pool { get; }

    public MmuNotifiers Notifiers { get; }

    public AddressSpaceStatistics Statistics => new(
        Volatile.Read(ref _counters.DemandZero),
        Volatile.Read(ref _counters.Huge),
        Volatile.Read(ref _counters.File),
        Volatile.Read(ref _counters.CowBreaks),
        Volatile.Read(ref _counters.Minor),
        Volatile.Read(ref _counters.Failed),
        Volatile.Read(ref _counters.Discarded));

    /// <summary>Guards the VMAs: read by whoever needs them to stay, written by whoever changes them.</summary>
    internal RwSemaphore MmapLock { get; } = new(HostMemoryLocks.Mmap);

    internal int PageTables => _table.Tables;

    /// <summary>
    /// The page table's entry for the address, and what the VMA allows; no step and no lock: for checks while every thread stands still.
    /// </summary>
    internal HostPte Peek(Hva hva, out VmaProtection allowed)
    {
        allowed = _vmas.Find(hva)?.Protection ?? 0;
        return _table.Peek(hva);
    }

    /// <summary>The entry of the host page table for the address, as <see cref="PageTable.PeekSlot"/>.</summary>
    internal unsafe void* PeekSlot(Hva hva, ref int level) => _table.PeekSlot(hva, ref level);

    /// <summary>
    /// Gives back the tables of an address space whose locks may be held by threads that are no more; its frames are lost with their pool.
    /// </summary>
    internal void Abandon() => _table.Abandon();

    /// <summary>VMAs after merging.</summary>
    internal int VmaCount => _vmas.Count;

    /// <summary>
    /// Releases every notifier (each exactly once, unless it unregistered before), then frees everything. Calls that
    /// come later fail as if nothing were mapped.
    /// </summary>
    public void Dispose()
    {
        using var balance = Check.Balanced();
        _disposal.Enter(LockMode.Exclusive);
        Notifiers.ReleaseAll();
        MmapLock.DownWrite();
        try
        {
            if (_disposed)
                return;
            _disposed = true;
            // The notifiers are gone: nobody is left to be told.
            _table.Dispose();
            _vmas.Remove(default, AddressLimit);
        }
        finally
        {
            MmapLock.UpWrite();
            _disposal.Leave(LockMode.Exclusive);
        }
    }

    private static void Count(ref long counter) => Interlocked.Increment(ref counter);
}
