using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>The subscribers, and the regions they are told of: registration, and changes of the index.</summary>
public sealed partial class MmuNotifiers
{
    private readonly Mutex _idleUpdate = new(HostMemoryLocks.IdleUpdate);
    private readonly Mutex _update = new(HostMemoryLocks.NotifierUpdate);
    private readonly HashSet<MmuNotifier> _registered = [];
    private long _lastKey;
    private bool _released;

    /// <summary>Regions in the index; O(n).</summary>
    public int RegionCount => RegionTree.Count(Atomics.Read(ref _root, this));

    /// <summary>Starts to deliver notifications to <paramref name="notifier"/>, for the regions it will add. May sleep.</summary>
    /// <exception cref="InvalidOperationException">It was registered before, or the address space is gone.</exception>
    public void Register(MmuNotifier notifier)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        _update.Lock();
        try
        {
            if (Shared.Read(ref _released, this))
                throw new InvalidOperationException("The address space has been disposed: nothing can subscribe to it any more.");
            if (!notifier.Transition(MmuNotifier.Unregistered, MmuNotifier.Live))
                throw new InvalidOperationException("A notifier registers once in its life, with one address space.");
            Shared.Changing(in _registered, this);
            _registered.Add(notifier);
        }
        finally
        {
            _update.Unlock();
        }
    }

    /// <summary>
    /// Stops notifications to <paramref name="notifier"/>: runs its release unless the address space did, removes its regions
    /// without waiting for invalidations in flight (the ends of which it will not see), and returns when no callback of it
    /// runs or ever will. Not from a callback. Does nothing for one that is not registered.
    /// </summary>
    public void Unregister(MmuNotifier notifier)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        Release(notifier);
        // Also for one the address space has released: its callbacks may still be running.
        _srcu.SynchronizeExpedited();
    }

    /// <summary>
    /// Replaces regions of the index and, at the same instant as seen by notifications, lets the publisher store what goes with it; that
    /// instant lies where no invalidation is in flight (kvm_swap_active_memslots). Waits for one, and can starve behind an unbroken stream
    /// of them. O(log n); replacing a region by one of the same range costs the least.
    /// </summary>
    /// <param name="remove">A region in the index, or null.</param>
    /// <param name="add">A region of a registered notifier and not in the index, or null.</param>
    /// <param name="publisher">Runs under a spinning lock.</param>
    /// <exception cref="InvalidOperationException">The region to remove is not there, or the owner of the added one is not registered;
    /// nothing has changed.</exception>
    public void Update(NotifierRegion? remove, NotifierRegion? add, ISlotsPublisher publisher)
    {
        ArgumentNullException.ThrowIfNull(publisher);
        // One waiter at a time. Not _update: whoever joins instead must not have to wait for the one who waits.
        _idleUpdate.Lock();
        // It may have to wait for those, now or another time.
        InFlight.Map.Enter(LockMode.Exclusive);
        InFlight.Map.Leave(LockMode.Exclusive);
        var announced = false;
        try
        {
            while (!TryUpdate(remove, add, publisher, ref announced))
                InFlight.Sleep();
        }
        finally
        {
            if (announced)
                InFlight.Awake();
            _idleUpdate.Unlock();
        }
    }

    /// <summary>
    /// Begins a change that the caller makes visible himself, at a moment of his choice, and answers for towards the notifications in
    /// flight: those that looked up the regions before go on with what they found. Dispose the result. May sleep, for other updaters only.
    /// </summary>
    /// <exception cref="InvalidOperationException">As for <see cref="Update"/>.</exception>
    public RegionUpdate BeginUpdate(NotifierRegion? remove, NotifierRegion? add)
    {
        _update.Lock();
        try
        {
            if (add is not null && !(add.Owner.IsCalled && Shared.Read(in _registered, this).Contains(add.Owner)))
            {
                throw new InvalidOperationException(
                    "Only a notifier registered with this address space can have regions in it: register it first.");
            }
            return new RegionUpdate(this, Build(remove, add), add);
        }
        catch
        {
            _update.Unlock();
            throw;
        }
    }

    /// <summary>The regions of one owner that overlap the range, as they are now.</summary>
    public NotifierRegion[] RegionsOf(MmuNotifier owner, Hva start, Hva end)
    {
        var found = new RegionBuffer();
        Collect(start, end, found);
        if (found.Count == 0)
            return [];
        found.Group();
        return found.RunOf(owner).ToArray();
    }

    internal void StoreRoot(RegionTree? root) => Atomics.Write(ref _root, root, this);

    internal void EndUpdate() => _update.Unlock();

    /// <summary>The address space goes away: releases every notifier that is left, once.</summary>
    internal void ReleaseAll()
    {
        MmuNotifier[] left;
        _update.Lock();
        Shared.Write(ref _released, true, this);
        left = [.. Shared.Read(in _registered, this)];
        _update.Unlock();
        foreach (var notifier in left)
            Release(notifier);
        _srcu.SynchronizeExpedited();
    }

    private bool TryUpdate(NotifierRegion? remove, NotifierRegion? add, ISlotsPublisher publisher, ref bool announced)
    {
        // Built anew each time: the index may have changed while we slept. And before the leaf lock: all that happens under it is a few
        // stores.
        using var update = BeginUpdate(remove, add);
        return InFlight.PublishIfIdle(update, publisher, ref announced);
    }

    private void Release(MmuNotifier notifier)
    {
        if (!notifier.Transition(MmuNotifier.Live, MmuNotifier.Releasing))
            return;
        var idx = _srcu.ReadLock();
        notifier.Release();
        _srcu.ReadUnlock(idx);
        notifier.Transition(MmuNotifier.Releasing, MmuNotifier.Dead);
        _update.Lock();
        Shared.Changing(in _registered, this);
        _registered.Remove(notifier);
        // No regard for notifications in flight: a dead owner is skipped at both ends, so its regions may change between them.
        StoreRoot(RegionTree.WithoutOwner(Atomics.Read(ref _root, this), notifier));
        _update.Unlock();
    }

    private RegionTree? Build(NotifierRegion? remove, NotifierRegion? add)
    {
        if (remove is not null && add is not null && remove.HvaStart == add.HvaStart && remove.HvaEnd == add.HvaEnd)
        {
            var replaced = RegionTree.Replace(Atomics.Read(ref _root, this), remove, add);
            add.IndexKey = remove.IndexKey;
            return replaced;
        }

        var root = Atomics.Read(ref _root, this);
        if (remove is not null)
            root = RegionTree.Remove(root, remove);
        if (add is not null)
        {
            add.IndexKey = Shared.Read(ref _lastKey, this) + 1;
            Shared.Write(ref _lastKey, add.IndexKey, this);
            root = RegionTree.Insert(root, add, add.IndexKey);
        }

        return root;
    }
}
