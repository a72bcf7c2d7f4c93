using Warren.Locking;

namespace Warren.Hypervisor;

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
