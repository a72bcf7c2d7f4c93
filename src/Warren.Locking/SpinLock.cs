using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// A spinning lock, not recursive. Its holder must not sleep. Waiters spin shortly and then yield to the OS. Acquire and
/// release semantics; the acquiring exchange is also a full fence, the release is not.
/// </summary>
public sealed class SpinLock(LockClass lockClass)
{
    private PaddedWord _p;

    public LockClass Class { get; } = lockClass;

    /// <summary>True when anyone holds it; a hint unless the caller does.</summary>
    public bool IsLocked => Volatile.Read(ref _p.Word) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lock()
    {
        if (Check.On)
            LockChecked(Class);
        else if (Interlocked.CompareExchange(ref _p.Word, 1, 0) != 0)
            LockSlow();
        if (Check.TrackOwners)
            _p.Owner = Environment.CurrentManagedThreadId;
    }

    /// <summary>Locks as the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lock(int subclass)
    {
        if (Check.On)
            LockChecked(Class.Subclass(subclass));
        else if (Interlocked.CompareExchange(ref _p.Word, 1, 0) != 0)
            LockSlow();
        if (Check.TrackOwners)
            _p.Owner = Environment.CurrentManagedThreadId;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLock()
    {
        var taken = Check.On ? TryLockChecked(Class) : TryLockNative();
        if (Check.TrackOwners && taken)
            _p.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    /// <summary>
    /// As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>): what is locked while it is held comes after that
    /// level.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLock(int subclass)
    {
        var taken = Check.On ? TryLockChecked(Class.Subclass(subclass)) : TryLockNative();
        if (Check.TrackOwners && taken)
            _p.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    /// <exception cref="LockAssertionException">Owners are tracked and this thread does not hold the lock.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Unlock()
    {
        if (Check.TrackOwners)
            ReleaseOwner();
        if (Check.On)
            UnlockChecked();
        else
            Volatile.Write(ref _p.Word, 0);
    }

    /// <summary>Throws unless held: by this thread where owners are tracked (checking on, or a debug build), else by anyone.</summary>
    public void AssertHeld()
    {
        if (Volatile.Read(ref _p.Word) == 0 || (Check.TrackOwners && _p.Owner != Environment.CurrentManagedThreadId))
            throw new LockAssertionException(Class, "not held by this thread where it must be");
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertHeld, LockMode.Exclusive, Class, this));
    }

    /// <summary>Throws when this thread holds it, where owners are tracked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AssertNotHeld()
    {
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertNotHeld, LockMode.None, Class, this));
        if (Check.TrackOwners && IsLocked && _p.Owner == Environment.CurrentManagedThreadId)
            throw new LockAssertionException(Class, "held by this thread where it must not be");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryLockNative() =>
        Volatile.Read(ref _p.Word) == 0 && Interlocked.CompareExchange(ref _p.Word, 1, 0) == 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LockSlow()
    {
        var spin = default(SpinState);
        do
            Cpu.RelaxNative(ref spin);
        while (!TryLockNative());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LockChecked(LockClass lockClass)
    {
        var step = new CheckStep(CheckOperation.LockAcquire, LockMode.Exclusive, lockClass, this, context: lockClass.Context);
        var hook = Check.Hook;
        hook.Before(step);
        while (!TryLockNative())
        {
            if (!hook.Wait(step))
            {
                LockSlow();
                break;
            }
        }

        hook.After(step, true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryLockChecked(LockClass lockClass)
    {
        var step = new CheckStep(CheckOperation.LockTryAcquire, LockMode.Exclusive, lockClass, this);
        Check.Hook.Before(step);
        var taken = TryLockNative();
        Check.Hook.After(step, taken);
        return taken;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void UnlockChecked()
    {
        var step = new CheckStep(CheckOperation.LockRelease, LockMode.Exclusive, Class, this);
        var hook = Check.Hook;
        hook.Before(step);
        if (!Atomics.TryBuffer(hook, step, ref _p.Word, 0, this))
            Volatile.Write(ref _p.Word, 0);
        hook.After(step, true);
    }

    private void ReleaseOwner()
    {
        if (_p.Owner != Environment.CurrentManagedThreadId)
            throw new LockAssertionException(Class, "released by a thread that does not hold it");
        _p.Owner = 0;
    }
}
