using Warren.Locking;

namespace Warren.Hypervisor;

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
