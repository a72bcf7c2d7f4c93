using Warren.HostMemory;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// The notifications that have raised a VM's count and not lowered it again, by <see cref="MmuNotifierRange.Id"/>: as many as threads
/// change host memory at once, nested ones included. mmu_lock held for write. Allocates only where there are more than ever before.
/// </summary>
/// <remarks>
/// No step of the lab: it changes in the very section that changes <see cref="InvalidationState"/>, whose accesses are steps.
/// </remarks>
internal sealed class EnteredNotifications
{
    private long[] _ids = new long[4];
    private int _count;

    /// <summary>Notifications in it. Exact with mmu_lock held.</summary>
    public int Count => _count;

    /// <summary>False: it is there already.</summary>
    public bool TryAdd(long id)
    {
        if (Ids.Contains(id)) return false;
        if (_count == _ids.Length) Array.Resize(ref _ids, _count * 2);
        _ids[_count++] = id;
        return true;
    }

    /// <summary>Takes it out; it is there.</summary>
    public void Remove(long id)
    {
        var index = Ids.IndexOf(id);
        _ids[index] = _ids[--_count];
    }

    private ReadOnlySpan<long> Ids => _ids.AsSpan(0, _count);
}
