using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// The notifications that have raised a VM's count and not lowered it again, by <see cref="MmuNotifierRange.Id"/>: as many as threads
/// change host memory at once, nested ones included. mmu_lock held for write. Allocates only where there are more than ever before.
/// </summary>
internal sealed class EnteredNotifications
{
    private long[] _ids = new long[4];
    private int _count;

    /// <summary>Notifications in it. Exact with mmu_lock held.</summary>
    public int Count => Shared.Read(ref _count, this);

    /// <summary>False: it is there already.</summary>
    public bool TryAdd(long id)
    {
        var count = Count;
        if (IndexOf(id, count) >= 0) return false;
        if (count == _ids.Length) Array.Resize(ref _ids, count * 2);
        Shared.Write(ref _ids[count], id, _ids);
        Shared.Write(ref _count, count + 1, this);
        return true;
    }

    /// <summary>Takes it out; it is there.</summary>
    public void Remove(long id)
    {
        var last = Count - 1;
        var index = IndexOf(id, last + 1);
        Shared.Write(ref _ids[index], Shared.Read(ref _ids[last], _ids), _ids);
        Shared.Write(ref _count, last, this);
    }

    private int IndexOf(long id, int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (Shared.Read(ref _ids[i], _ids) == id) return i;
        }
        return -1;
    }
}
