using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor;

/// <summary>Events in a VM so far: a copy, exact while the VM is at rest.</summary>
public readonly record struct VmStatistics
{
    /// <summary>Sum over the vCPUs.</summary>
    public VcpuStatistics Vcpus { get; init; }
    public MmuCounters Mmu { get; init; }
    public MmuMetadata MmuMetadata { get; init; }
    /// <summary>Invalidations of the address space since the VM was made.</summary>
    public long InvalidationsSeen { get; init; }
    /// <summary>Those that hit a memslot and took <c>mmu_lock</c>.</summary>
    public long InvalidationsRelated { get; init; }
    /// <summary>Those this VM was spared.</summary>
    public long InvalidationsElided => InvalidationsSeen - InvalidationsRelated;
    /// <summary>Invalidations reached and not yet ended.</summary>
    public long InvalidationsInProgress { get; init; }
    public long RemoteFlushes { get; init; }
    public int Memslots { get; init; }
    public ulong MemslotPages { get; init; }
    public long MemslotUpdates { get; init; }
    /// <summary>Grace periods waited for: one a publication, and one for the mark of a slot that goes or moves.</summary>
    public long MemslotGracePeriods { get; init; }
    /// <summary>Writes by devices that met an invalidation of the page and started again.</summary>
    public long HostWriteRetries { get; init; }
}
