using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// Keeps the start and the end of an invalidation agreed on the memslots they act on, while updates want to change them
/// (DESIGN.md, "The memslot-update / invalidation protocol").
/// </summary>
public interface IInvalidationGate
{
    /// <summary>An invalidation begins; called before regions are looked up. Never sleeps; nests.</summary>
    void Enter();

    /// <summary>The invalidation has ended for everyone it reached. Never sleeps.</summary>
    void Leave();

    /// <summary>Runs the publisher at a moment when no invalidation is between Enter and Leave. One caller at a time; may sleep.</summary>
    void Publish(IRegionPublisher publisher);

    /// <summary>Invalidations in flight.</summary>
    long Active { get; }

    /// <summary>Invalidations so far.</summary>
    long Seen { get; }
}

/// <summary>
/// KVM's gate: a count of invalidations in flight under a spinning lock, and one updater that sleeps until it is zero. Invalidations never wait,
/// so there is no lock cycle and nesting is safe; in exchange an unbroken stream of overlapping invalidations starves the updater for
/// as long as it lasts, as it does in KVM. The count is per address space, not per VM: every invalidation of the address space counted in each of its VMs anyway,
/// and so an invalidation costs the same however many VMs there are.
/// </summary>
public sealed class ActiveCountGate : IInvalidationGate
{
    private readonly SpinLock _lock = new(HostMemoryLocks.InvalidateGate);
    private readonly RcuWait _wait = new(HostMemoryLocks.UpdateWait);
    private long _active;
    private long _seen;

    public long Active => Atomics.Read(ref _active, this);

    public long Seen => System.Threading.Volatile.Read(ref _seen);

    public void Enter()
    {
        _lock.Lock();
        _active++;
        _seen++;
        _lock.Unlock();
    }

    public void Leave()
    {
        _lock.Lock();
        var active = --_active;
        _lock.Unlock();
        if (active < 0)
            throw new LockAssertionException("An invalidation ended that never started.");
        // Outside the lock: the woken updater takes it first thing.
        if (active == 0 && _wait.HasWaiter)
            _wait.WakeUp();
    }

    public void Publish(IRegionPublisher publisher)
    {
        ArgumentNullException.ThrowIfNull(publisher);
        _lock.Lock();
        if (_active != 0)
        {
            _wait.Prepare();
            while (_active != 0)
            {
                _lock.Unlock();
                _wait.Wait();
                _lock.Lock();
            }

            _wait.Finish();
        }

        // Under the lock: no invalidation can begin between the check and the stores.
        publisher.Publish();
        _lock.Unlock();
    }
}
