using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>A sleeping mutual-exclusion lock, first in first out, not recursive; released by the thread that took it.</summary>
public sealed class Mutex(LockClass lockClass)
{
    private readonly SleepingLock _lock = new();

    public LockClass Class { get; } = lockClass;

    public bool IsLocked => _lock.IsHeld;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lock()
    {
        if (Check.On)
            SleepingSteps.Acquire(_lock, LockMode.Exclusive, Class, this);
        else if (!_lock.TryWrite())
            _lock.Acquire(write: true);
        if (Check.TrackOwners)
            _lock.Owner = Environment.CurrentManagedThreadId;
    }

    /// <summary>Locks as the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lock(int subclass)
    {
        if (Check.On)
            SleepingSteps.Acquire(_lock, LockMode.Exclusive, Class.Subclass(subclass), this);
        else if (!_lock.TryWrite())
            _lock.Acquire(write: true);
        if (Check.TrackOwners)
            _lock.Owner = Environment.CurrentManagedThreadId;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLock()
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
    public bool TryLock(int subclass)
    {
        var taken = Check.On ? SleepingSteps.Try(_lock, LockMode.Exclusive, Class.Subclass(subclass), this) : _lock.TryWrite();
        if (Check.TrackOwners && taken)
            _lock.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Unlock()
    {
        if (Check.TrackOwners)
            SleepingSteps.ReleaseOwner(_lock, Class);
        if (Check.On)
            SleepingSteps.Release(_lock, LockMode.Exclusive, Class, this);
        else
            _lock.ReleaseWrite();
    }

    /// <summary>Throws when this thread holds it, where owners are tracked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AssertNotHeld()
    {
        if (Check.TrackOwners)
            SleepingSteps.AssertNotOwner(_lock, Class, this);
    }

    /// <summary>Throws unless held: by this thread where owners are tracked (checking on, or a debug build), else by anyone.</summary>
    public void AssertHeld()
    {
        SleepingSteps.AssertOwner(_lock, Class);
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertHeld, LockMode.Exclusive, Class, this));
    }
}
