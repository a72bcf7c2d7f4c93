using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// A bound on the frames that may exist on behalf of someone (a VM, a group of clones). A frame is charged to the budget it
/// was allocated for until its last reference is put, whoever holds that. Pages of the file cache are nobody's.
/// Dispose it when done; it lives on until its last frame is freed.
/// </summary>
public sealed class MemoryBudget : IDisposable
{
    private static readonly Lock TableLock = new();
    private static MemoryBudget?[] s_table = new MemoryBudget?[16];
    private static int s_next = 1;
    private static readonly Stack<int> FreeIds = new();

    private long _charged;
    private int _closed;

    /// <param name="bytes">The bound; at least 0, rounded down to whole pages.</param>
    /// <param name="origin">What sets it, for who is told that it is used up: "the limit of the group"; null when the caller does.</param>
    public MemoryBudget(long bytes, string? origin = null)
    {
        Origin = origin;
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Limit = bytes & ~(long)(FramePool.PageSize - 1);
        lock (TableLock)
        {
            Id = FreeIds.Count > 0 ? FreeIds.Pop() : s_next++;
            if (Id >= s_table.Length)
            {
                var larger = new MemoryBudget?[s_table.Length * 2];
                Array.Copy(s_table, larger, s_table.Length);
                Volatile.Write(ref s_table, larger);
            }

            s_table[Id] = this;
        }
    }

    public long Limit { get; }

    /// <summary>The name of whatever sets the bound, or null.</summary>
    public string? Origin { get; }

    /// <summary>True when it does not hold one page more.</summary>
    public bool IsUsedUp => Charged + FramePool.PageSize > Limit;

    /// <summary>Bytes of frames that exist on this budget now.</summary>
    public long Charged => Atomics.Read(ref _charged, this);

    /// <summary>Greatest value <see cref="Charged"/> had; may trail by concurrent charges.</summary>
    public long Peak { get; private set; }

    internal int Id { get; }

    /// <summary>No further frame can be charged; those that exist stay charged until they are freed.</summary>
    public void Dispose()
    {
        if (Atomics.Exchange(ref _closed, 1, this) == 0)
            RetireIfDone();
    }

    internal static MemoryBudget Of(int id) => Volatile.Read(ref s_table)[id]!;

    internal bool TryCharge(long bytes)
    {
        var now = Atomics.Add(ref _charged, bytes, this);
        if (now <= Limit && Atomics.Read(ref _closed, this) == 0)
        {
            if (now > Peak)
                Peak = now;
            return true;
        }

        Uncharge(bytes);
        return false;
    }

    internal void Uncharge(long bytes)
    {
        if (Atomics.Add(ref _charged, -bytes, this) == 0 && Atomics.Read(ref _closed, this) != 0)
            RetireIfDone();
    }

    private void RetireIfDone()
    {
        lock (TableLock)
        {
            // A charge that is about to fail may raise the count for a moment; whoever takes it back to zero retires.
            if (Atomics.Read(ref _charged, this) == 0 && s_table[Id] == this)
            {
                s_table[Id] = null;
                FreeIds.Push(Id);
            }
        }
    }
}
