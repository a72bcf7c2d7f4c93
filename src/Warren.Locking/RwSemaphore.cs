using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>
/// A sleeping reader-writer lock, first in first out: a waiting writer stops new readers. Not recursive, not even for readers.
/// </summary>
public sealed class RwSemaphore(LockClass lockClass)
{
    private readonly SleepingLock _lock = new();

    public LockClass Class { get; } = lockClass;

    public bool IsLocked => _lock.IsHeld;

    /// <summary>True when someone sleeps on it.</summary>
    public bool IsContended => _lock.IsQueued;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void DownRead()
    {
        if (Check.On)
            SleepingSteps.Acquire(_lock, LockMode.Shared, Class, this);
        else if (!_lock.TryRead())
            _lock.Acquire(write: false);
    }

    /// <summary>As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void DownRead(int subclass)
    {
        if (Check.On)
            SleepingSteps.Acquire(_lock, LockMode.Shared, Class.Subclass(subclass), this);
        else if (!_lock.TryRead())
            _lock.Acquire(write: false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryDownRead() => Check.On ? SleepingSteps.Try(_lock, LockMode.Shared, Class, this) : _lock.TryRead();

    /// <summary>
    /// As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>): what is locked while it is held comes after that
    /// level.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryDownRead(int subclass) =>
    Check.On ? SleepingSteps.Try(_lock, LockMode.Shared, Class.Subclass(subclass), this) : _lock.TryRead();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void UpRead()
    {
        if (Check.On)
            SleepingSteps.Release(_lock, LockMode.Shared, Class, this);
        else
            _lock.ReleaseRead();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void DownWrite()
    {
        if (Check.On)
            SleepingSteps.Acquire(_lock, LockMode.Exclusive, Class, this);
        else if (!_lock.TryWrite())
            _lock.Acquire(write: true);
        if (Check.TrackOwners)
            _lock.Owner = Environment.CurrentManagedThreadId;
    }

    /// <summary>As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void DownWrite(int subclass)
    {
        if (Check.On)
            SleepingSteps.Acquire(_lock, LockMode.Exclusive, Class.Subclass(subclass), this);
        else if (!_lock.TryWrite())
            _lock.Acquire(write: true);
        if (Check.TrackOwners)
            _lock.Owner = Environment.CurrentManagedThreadId;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryDownWrite()
    {
        var taken = Check.On ? SleepingSteps.Try(_lock, LockMode.Exclusive, Class, this) : _lock.TryWrite();
        if (Check.TrackOwners && taken)
            _lock.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    /// <summary>
    /// As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>): what is locked while it is held comes after that
    /// level.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryDownWrite(int subclass)
    {
        var taken = Check.On ? SleepingSteps.Try(_lock, LockMode.Exclusive, Class.Subclass(subclass), this) : _lock.TryWrite();
        if (Check.TrackOwners && taken)
            _lock.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void UpWrite()
    {
        if (Check.TrackOwners)
            SleepingSteps.ReleaseOwner(_lock, Class);
        if (Check.On)
            SleepingSteps.Release(_lock, LockMode.Exclusive, Class, this);
        else
            _lock.ReleaseWrite();
    }

    /// <summary>
    /// Turns the write hold into a read hold without letting a writer in between; readers at the head of the queue enter.
    /// </summary>
    public void DowngradeWrite()
    {
        if (Check.TrackOwners)
            SleepingSteps.ReleaseOwner(_lock, Class);
        if (Check.On)
            SleepingSteps.Downgrade(_lock, Class, this);
        else
            _lock.Downgrade();
    }

    /// <summary>
    /// Throws when this thread holds it: in either mode with a validator on, else only for write, where owners are tracked.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AssertNotHeld()
    {
        if (Check.TrackOwners)
            SleepingSteps.AssertNotOwner(_lock, Class, this);
    }

    /// <summary>Throws unless held in either mode. Readers have no identity here; the validator knows them.</summary>
    public void AssertHeld()
    {
        if (!_lock.IsHeld || (Check.TrackOwners && _lock.IsWriteHeld && _lock.Owner != Environment.CurrentManagedThreadId))
            throw new LockAssertionException(Class, "not held by this thread where it must be");
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertHeld, LockMode.Shared, Class, this));
    }

    /// <summary>
    /// Throws unless write-held: by this thread where owners are tracked (checking on, or a debug build), else by anyone.
    /// </summary>
    public void AssertHeldWrite()
    {
        SleepingSteps.AssertOwner(_lock, Class);
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertHeld, LockMode.Exclusive, Class, this));
    }
}
