using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The store buffer of one thread, as x86-TSO has it (Sewell et al., CACM 2010): stores go in at one end and reach memory at the other, in
/// order, some time later. That a store is performed is a transition of its own, which the search schedules like a thread's step.
/// </summary>
internal sealed class StoreBuffer(StoreBuffers buffers, Actor owner) : IPseudoThread
{
    /// <summary>
    /// Stores that may be pending at once. What a longer buffer could do differently is keep back stores that are not the last few before a
    /// load, and performing those early is allowed anyway.
    /// </summary>
    internal const int Capacity = 8;

    private readonly List<PendingStore> _stores = new(Capacity);

    public string Name { get; private set; } = "";

    internal Actor Owner => owner;

    /// <summary>Its own among the actors of the schedule.</summary>
    internal int Index { get; private set; }

    internal int Count => _stores.Count;

    public bool Enabled => _stores.Count > 0;

    public CheckStep Next => _stores[0].Step;

    internal PendingStore Oldest => _stores[0];

    internal PendingStore Newest => _stores[^1];

    public void Step() => buffers.PerformOldest(owner);

    internal void Reset(int index)
    {
        Index = index;
        _stores.Clear();
        Name = $"store buffer of {owner.Name}";
    }

    internal void Add(in PendingStore store) => _stores.Add(store);

    /// <summary>Nothing is explored any more: all of them reach memory.</summary>
    internal void PerformAll()
    {
        while (Count > 0)
            TakeOldest().Perform();
    }

    internal PendingStore TakeOldest()
    {
        var oldest = _stores[0];
        _stores.RemoveAt(0);
        return oldest;
    }

    /// <summary>The newest store to the place; <paramref name="overlaps"/> says instead that one writes other bytes of it, too.</summary>
    internal bool TryFind(object? holder, nint offset, int size, out PendingStore store, out bool overlaps)
    {
        for (var i = _stores.Count - 1; i >= 0; i--)
        {
            store = _stores[i];
            overlaps = store.Overlaps(holder, offset, size);
            if (overlaps)
            {
                overlaps = !store.IsAt(holder, offset, size);
                return !overlaps;
            }
        }

        store = default;
        overlaps = false;
        return false;
    }

    /// <summary>Monitors learn of a write when it reaches memory; that a thread has let go of a lock, when it does.</summary>
    internal static bool IsToldWhenPerformed(in CheckStep step) =>
        step.Operation is CheckOperation.AtomicWrite or CheckOperation.PlainWrite;

    /// <summary>
    /// How many stores may be pending when the step is made: none for what drains the buffer on x86 (locked instructions, fences, system
    /// calls that sleep), one place left for a store, any number for the rest.
    /// </summary>
    internal static int MayBePending(in CheckStep step) => step.Operation switch
    {
        CheckOperation.LockAcquire or CheckOperation.LockTryAcquire or CheckOperation.LockDowngrade => 0,
        CheckOperation.LockRelease => step.Instance is SpinLock ? Capacity - 1 : 0,
        CheckOperation.SrcuReadLock or CheckOperation.SrcuReadUnlock or CheckOperation.SrcuSynchronize => 0,
        CheckOperation.SrcuCall or CheckOperation.SrcuBarrier or CheckOperation.SrcuCallbacks => 0,
        // Not a wake-up: its fence is a line of its code, which empties the buffer itself.
        CheckOperation.WaitPrepare or CheckOperation.WaitSleep => 0,
        CheckOperation.SequenceWriteBegin or CheckOperation.AtomicUpdate or CheckOperation.Fence => 0,
        CheckOperation.AtomicWrite or CheckOperation.PlainWrite or CheckOperation.SequenceWriteEnd or CheckOperation.WaitFinish =>
            Capacity - 1,
        _ => Capacity,
    };
}
