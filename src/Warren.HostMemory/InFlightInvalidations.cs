using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// The notifications of one address space between start and end: a short list under a leaf lock (<c>mn_invalidate_lock</c>). What keeps the
/// two halves of a notification agreed while memslots change is built on it: an updater waits until it is empty (KVM's way), or joins those
/// in it.
/// </summary>
internal sealed class InFlightInvalidations
{
    private readonly Locking.SpinLock _lock = new(HostMemoryLocks.InvalidateLock);
    private readonly RcuWait _wait = new(HostMemoryLocks.UpdateRcuwait);

    /// <summary>The pseudo-lock that a notification in flight holds and who waits for idleness wants.</summary>
    internal LockMap Map { get; } = new(HostMemoryLocks.InFlight);

    private InvalidationRecord? _first;
    private long _active;
    private long _seen;

    /// <summary>Notifications some notifier may still expect the end of.</summary>
    internal long Active => Volatile.Read(ref _active);

    internal long Seen => Volatile.Read(ref _seen);

    /// <summary>Puts the record in the list. Never waits, as nothing here does but <see cref="Sleep"/>.</summary>
    internal void Add(InvalidationRecord record)
    {
        Map.Enter();
        _lock.Lock();
        var first = Shared.Read(ref _first, this);
        // Both null outside the list: alone in it, as a record mostly is, there is one reference to store.
        if (first is not null)
        {
            Shared.Write(ref record.Next, first, record);
            Shared.Write(ref first.Previous, record, first);
        }

        Shared.Write(ref _first, record, this);
        Shared.Write(ref _active, Shared.Read(ref _active, this) + 1, this);
        record.Id = ++_seen;
        _lock.Unlock();
    }

    /// <summary>
    /// Takes the record out: from here on nobody joins it, and whom it has entered stays as it is. It counts as active until
    /// <see cref="Leave"/>, which this call includes when it has entered nobody.
    /// </summary>
    internal void Remove(InvalidationRecord record)
    {
        _lock.Lock();
        var (previous, next) = (Shared.Read(ref record.Previous, record), Shared.Read(ref record.Next, record));
        if (next is not null)
        {
            Shared.Write(ref next.Previous, previous, next);
            Shared.Write(ref record.Next, null, record);
        }

        if (previous is null)
        {
            Shared.Write(ref _first, next, this);
        }
        else
        {
            Shared.Write(ref previous.Next, next, previous);
            Shared.Write(ref record.Previous, null, record);
        }

        var last = false;
        if (record.EnteredCount == 0)
            last = Uncount();
        _lock.Unlock();
        if (last)
            Wake();
    }

    /// <summary>Every notifier the record had entered has balanced its count: for updaters that wait, it is over.</summary>
    internal void Leave()
    {
        _lock.Lock();
        var last = Uncount();
        _lock.Unlock();
        if (last)
            Wake();
    }

    /// <summary>The notifier has accepted the start, and will be told the end. On the notification's own thread.</summary>
    internal void Enter(InvalidationRecord record, MmuNotifier notifier)
    {
        _lock.Lock();
        record.Enter(notifier);
        _lock.Unlock();
    }

    /// <summary>
    /// Enters the region's owner in each record that overlaps the region, and tells the joiner of each, entered now or before.
    /// </summary>
    internal void Join(NotifierRegion region, IInvalidationJoiner joiner)
    {
        _lock.Lock();
        for (var record = Shared.Read(ref _first, this); record is not null; record = Shared.Read(ref record.Next, record))
        {
            if (record.Start < region.HvaEnd && record.End > region.HvaStart)
            {
                record.Enter(region.Owner);
                joiner.Join(record.Range, region);
            }
        }

        _lock.Unlock();
    }

    /// <summary>Does a record in the list overlap [<paramref name="start"/>, <paramref name="end"/>)?</summary>
    internal bool Covers(Hva start, Hva end)
    {
        _lock.Lock();
        var record = Shared.Read(ref _first, this);
        while (record is not null && (record.Start >= end || record.End <= start))
            record = Shared.Read(ref record.Next, record);
        _lock.Unlock();
        return record is not null;
    }

    /// <summary>
    /// Stores and publishes if no notification is active: under the lock, so that none can begin in between. Otherwise false, with the
    /// caller announced as the one waiter, unless it is already.
    /// </summary>
    internal bool PublishIfIdle(in RegionUpdate update, ISlotsPublisher publisher, ref bool announced)
    {
        _lock.Lock();
        var idle = Shared.Read(ref _active, this) == 0;
        if (idle)
        {
            update.Store();
            publisher.Publish();
        }
        else if (!announced)
        {
            _wait.Prepare();
            announced = true;
        }

        _lock.Unlock();
        return idle;
    }

    /// <summary>Sleeps until no notification is active, or returns early; only between an announcement and <see cref="Awake"/>.</summary>
    internal void Sleep() => _wait.Wait();

    internal void Awake() => _wait.Finish();

    private bool Uncount()
    {
        var active = Shared.Read(ref _active, this) - 1;
        Shared.Write(ref _active, active, this);
        return active == 0;
    }

    /// <summary>Outside the lock: the woken updater takes it first thing.</summary>
    private void Wake()
    {
        if (_wait.HasWaiter)
            _wait.WakeUp();
    }
}
