using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

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

/// <summary>
/// Counters of the VM as a whole. Each is written under the lock it names, so that counting costs no atomic and no line of its own.
/// </summary>
internal sealed class VmCounters
{
    private long _hostWriteRetries;
    private long _invalidationsRelated;

    /// <summary>slots_lock.</summary>
    public long MemslotUpdates;
    /// <summary>slots_lock.</summary>
    public long MemslotGracePeriods;

    public long HostWriteRetries => Atomics.Read(ref _hostWriteRetries, this);

    public long InvalidationsRelated => Atomics.Read(ref _invalidationsRelated, this);

    /// <summary>mmu_lock, for write.</summary>
    public void InvalidationRelated() => Shared.Write(ref _invalidationsRelated, Shared.Read(ref _invalidationsRelated, this) + 1, this);

    /// <summary>Rare: no lock, an atomic.</summary>
    public void HostWriteRetry() => Atomics.Add(ref _hostWriteRetries, 1, this);
}

public sealed partial class VirtualMachine
{
    internal VmCounters Counters { get; } = new();

    /// <summary>Events so far. Takes no lock; sums over the vCPUs.</summary>
    public VmStatistics Statistics
    {
        get
        {
            var memslots = 0;
            foreach (var space in _spaces) memslots += space.Current.Count;
            // Related first: an invalidation between the two reads is then one elided too many for a moment, never one too few below zero.
            var related = Counters.InvalidationsRelated;
            return new VmStatistics
            {
                Vcpus = SumVcpuStatistics(),
                Mmu = Mmu.Counters,
                MmuMetadata = Mmu.Metadata,
                InvalidationsSeen = Memory.Notifiers.Seen - _notificationsBefore,
                InvalidationsRelated = related,
                InvalidationsInProgress = Invalidation.InProgress,
                RemoteFlushes = RemoteFlushes,
                Memslots = memslots,
                MemslotPages = Atomics.Read(ref _memslotPages, this),
                MemslotUpdates = Atomics.Read(ref Counters.MemslotUpdates, Counters),
                MemslotGracePeriods = Atomics.Read(ref Counters.MemslotGracePeriods, Counters),
                HostWriteRetries = Counters.HostWriteRetries,
            };
        }
    }
}
