using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// The notifiers of one address space, and the index of the regions they map. A change of the address space is bracketed by
/// <see cref="TryStart"/> and <see cref="End"/>; it reaches the notifiers with a region in its range, and costs a change
/// that concerns nobody one passage of the gate and one lookup, however many notifiers there are.
/// <para>The contract (mm/mmu_notifier.c): at a start the pages are still mapped; between start and end no secondary mapping of the
/// range may be made; pages may be freed once start has returned; starts and ends of different ranges nest and overlap in any way. A
/// notifier unregistered between a start and its end is not told the end.</para>
/// </summary>
public sealed class MmuNotifiers : IRegionPublisher
{
    private readonly IInvalidationGate _gate;
    private readonly Srcu _srcu = new(HostMemoryLocks.NotifierSrcu);
    private readonly LockMap _map = new(HostMemoryLocks.InvalidateRange);
    private readonly Locking.Mutex _update = new(HostMemoryLocks.NotifierUpdate);
    private readonly HashSet<MmuNotifier> _registered = [];
    private RegionTree? _root;
    private RegionTree? _pendingRoot;
    private IRegionPublisher? _pendingPublisher;
    private long _lastKey;
    private long _related;
    private long _refused;
    private bool _released;

    internal MmuNotifiers(IInvalidationGate? gate = null)
    {
        _gate = gate ?? new ActiveCountGate();
    }

    /// <summary>Invalidations so far, whether or not they concerned a notifier.</summary>
    public long Seen => _gate.Seen;

    /// <summary>Those that reached at least one notifier.</summary>
    public long Related => Volatile.Read(ref _related);

    /// <summary>Those refused by a notifier; only non-blockable ones can be.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Invalidations in flight; 0 when the address space is quiet.</summary>
    public long Active => _gate.Active;

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
            if (_released)
                throw new InvalidOperationException("The address space has been disposed: nothing can subscribe to it any more.");
            if (!notifier.Transition(MmuNotifier.Unregistered, MmuNotifier.Live))
                throw new InvalidOperationException("A notifier registers once in its life, with one address space.");
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
    /// Replaces regions of the index and, at the same instant as seen by notifications, lets the publisher store what goes with it; that instant
    /// lies where no invalidation is in flight (kvm_swap_active_memslots). Waits for one, and can starve behind an unbroken
    /// stream of them. O(log n); replacing a region by one of the same range costs the least.
    /// </summary>
    /// <param name="remove">A region in the index, or null.</param>
    /// <param name="add">A region of a registered notifier and not in the index, or null.</param>
    /// <param name="publisher">Runs under a spinning lock.</param>
    /// <exception cref="InvalidOperationException">The region to remove is not there, or the owner of the added one is not registered;
    /// nothing has changed.</exception>
    public void Update(NotifierRegion? remove, NotifierRegion? add, IRegionPublisher publisher)
    {
        ArgumentNullException.ThrowIfNull(publisher);
        _update.Lock();
        try
        {
            if (add is not null && !(add.Owner.IsCalled && _registered.Contains(add.Owner)))
                throw new InvalidOperationException("Only a notifier registered with this address space can have regions in it: register it first.");
            // Built before the gate closes: all that happens under its lock is a few stores.
            _pendingRoot = Build(remove, add);
            _pendingPublisher = publisher;
            _gate.Publish(this);
            _pendingPublisher = null;
        }
        finally
        {
            _update.Unlock();
        }
    }

    void IRegionPublisher.Publish()
    {
        Atomics.Write(ref _root, _pendingRoot, this);
        _pendingPublisher?.Publish();
    }

    /// <summary>Starts an invalidation. False: a non-blockable one was refused; the caller must change nothing and not call End.</summary>
    public bool TryStart(in MmuNotifierRange range, out Invalidation invalidation)
    {
        _gate.Enter();
        var buffer = RegionBuffer.Current;
        var from = buffer.Count;
        RegionTree.Collect(Atomics.Read(ref _root, this), range.Start, range.End, buffer);
        var to = buffer.Count;
        if (from == to)
        {
            invalidation = new Invalidation(range, null, 0, 0);
            Mark(HostMemoryMarks.InvalidationStarted, range);
            return true;
        }

        invalidation = new Invalidation(range, buffer, from, to);
        Interlocked.Increment(ref _related);
        if (CallStarts(range, buffer, from, to))
        {
            Mark(HostMemoryMarks.InvalidationStarted, range);
            return true;
        }

        Interlocked.Increment(ref _refused);
        // Those that accepted have raised their counts: every one of them gets its end, whatever its place in the order.
        CallEnds(invalidation);
        buffer.Pop(from);
        Mark(HostMemoryMarks.InvalidationRefused, range);
        _gate.Leave();
        return false;
    }

    /// <summary>Ends an invalidation that started; on the same thread, innermost first.</summary>
    public void End(in Invalidation invalidation)
    {
        Mark(HostMemoryMarks.InvalidationEnding, invalidation.Range);
        if (invalidation.Buffer is { } buffer)
        {
            CallEnds(invalidation);
            buffer.Pop(invalidation.From);
        }

        Mark(HostMemoryMarks.InvalidationEnded, invalidation.Range);
        // Last: the memslots must not change before every notifier has balanced its count.
        _gate.Leave();
    }

    /// <summary>Whether any region overlaps the range; a hint.</summary>
    internal bool Any(ulong start, ulong end)
    {
        var buffer = RegionBuffer.Current;
        var from = buffer.Count;
        RegionTree.Collect(Atomics.Read(ref _root, this), start, end, buffer);
        var any = buffer.Count > from;
        buffer.Pop(from);
        return any;
    }

    /// <summary>
    /// Asks the notifiers of a range whether it was accessed. Passes the gate like an invalidation, so that the regions it hands
    /// out stay current during the callbacks.
    /// </summary>
    internal bool Young(in MmuNotifierRange range, YoungQuery query)
    {
        _gate.Enter();
        var buffer = RegionBuffer.Current;
        var from = buffer.Count;
        RegionTree.Collect(Atomics.Read(ref _root, this), range.Start, range.End, buffer);
        var to = buffer.Count;
        var young = false;
        if (to > from)
        {
            buffer.Group(from);
            var idx = _srcu.ReadLock();
            for (var at = from; at < to;)
            {
                var run = buffer.Run(at, to);
                var owner = run[0].Owner;
                if (owner.IsCalled)
                {
                    young |= query switch
                    {
                        YoungQuery.Test => owner.TestYoung(range, run),
                        YoungQuery.Clear => owner.ClearYoung(range, run),
                        _ => owner.ClearFlushYoung(range, run),
                    };
                }

                at += run.Length;
            }

            _srcu.ReadUnlock(idx);
            buffer.Pop(from);
        }

        _gate.Leave();
        return young;
    }

    /// <summary>The address space goes away: releases every notifier that is left, once.</summary>
    internal void ReleaseAll()
    {
        MmuNotifier[] left;
        _update.Lock();
        _released = true;
        left = [.. _registered];
        _update.Unlock();
        foreach (var notifier in left)
            Release(notifier);
        _srcu.SynchronizeExpedited();
    }

    private void Mark(CheckMark mark, in MmuNotifierRange range) => Check.Mark(mark, this, (long)range.Start, (long)range.End);

    private void Release(MmuNotifier notifier)
    {
        if (!notifier.Transition(MmuNotifier.Live, MmuNotifier.Releasing))
            return;
        var idx = _srcu.ReadLock();
        notifier.Release();
        _srcu.ReadUnlock(idx);
        notifier.Transition(MmuNotifier.Releasing, MmuNotifier.Dead);
        _update.Lock();
        _registered.Remove(notifier);
        // No gate: a dead owner is skipped at both ends, so its regions may change between them.
        Atomics.Write(ref _root, RegionTree.WithoutOwner(_root, notifier), this);
        _update.Unlock();
    }

    private RegionTree? Build(NotifierRegion? remove, NotifierRegion? add)
    {
        if (remove is not null && add is not null && remove.HvaStart == add.HvaStart && remove.HvaEnd == add.HvaEnd)
        {
            var replaced = RegionTree.Replace(_root, remove, add);
            add.IndexKey = remove.IndexKey;
            return replaced;
        }

        var root = _root;
        if (remove is not null)
            root = RegionTree.Remove(root, remove);
        if (add is not null)
        {
            add.IndexKey = ++_lastKey;
            root = RegionTree.Insert(root, add, add.IndexKey);
        }

        return root;
    }

    private bool CallStarts(in MmuNotifierRange range, RegionBuffer buffer, int from, int to)
    {
        buffer.Group(from);
        var accepted = true;
        _map.Enter();
        var idx = _srcu.ReadLock();
        for (var at = from; at < to;)
        {
            var run = buffer.Run(at, to);
            var length = run.Length;
            var owner = run[0].Owner;
            // All are called, even after a refusal. A dead one is left out here and, being dead for good, at the end. Only a
            // non-blockable range can be refused: the answer to a blockable one is not looked at.
            if (owner.IsCalled && !owner.InvalidateRangeStart(range, run) && !range.Blockable)
            {
                accepted = false;
                buffer.Refuse(at);
            }

            at += length;
        }

        _srcu.ReadUnlock(idx);
        _map.Leave();
        return accepted;
    }

    private void CallEnds(in Invalidation invalidation)
    {
        var buffer = invalidation.Buffer!;
        _map.Enter();
        var idx = _srcu.ReadLock();
        for (var at = invalidation.From; at < invalidation.To;)
        {
            var run = buffer.Run(at, invalidation.To);
            var length = run.Length;
            if (run[0].Owner.IsCalled && !buffer.IsRefused(at))
                run[0].Owner.InvalidateRangeEnd(invalidation.Range, run);
            at += length;
        }

        _srcu.ReadUnlock(idx);
        _map.Leave();
    }
}

/// <summary>The three questions of aging.</summary>
internal enum YoungQuery
{
    Test,
    Clear,
    ClearFlush,
}
