using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>The steps of sleeping locks as the hook sees them, and their ownership checks.</summary>
internal static class SleepingSteps
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Acquire(SleepingLock inner, LockMode mode, LockClass lockClass, object instance)
    {
        var step = new CheckStep(CheckOperation.LockAcquire, mode, lockClass, instance, context: lockClass.Context);
        var hook = Check.Hook;
        hook.Before(step);
        var queued = false;
        while (!(mode == LockMode.Shared ? inner.TryRead() : inner.TryWrite()))
        {
            if (!queued && mode == LockMode.Exclusive)
            {
                queued = true;
                Interlocked.Increment(ref inner.WaitingWriters);
            }

            if (hook.Wait(step))
                continue;
            inner.Acquire(mode == LockMode.Exclusive);
            break;
        }

        if (queued)
            Interlocked.Decrement(ref inner.WaitingWriters);
        hook.After(step, true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static bool Try(SleepingLock inner, LockMode mode, LockClass lockClass, object instance)
    {
        var step = new CheckStep(CheckOperation.LockTryAcquire, mode, lockClass, instance);
        Check.Hook.Before(step);
        // A writer that waits in the hook is not in the queue, and stops readers all the same.
        var taken = mode == LockMode.Shared ? Volatile.Read(ref inner.WaitingWriters) == 0 && inner.TryRead() : inner.TryWrite();
        Check.Hook.After(step, taken);
        return taken;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Release(SleepingLock inner, LockMode mode, LockClass lockClass, object instance)
    {
        var step = new CheckStep(CheckOperation.LockRelease, mode, lockClass, instance);
        Check.Hook.Before(step);
        if (mode == LockMode.Shared)
            inner.ReleaseRead();
        else
            inner.ReleaseWrite();
        Check.Hook.After(step, true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Downgrade(SleepingLock inner, LockClass lockClass, object instance)
    {
        var step = new CheckStep(CheckOperation.LockDowngrade, LockMode.Shared, lockClass, instance);
        Check.Hook.Before(step);
        inner.Downgrade();
        Check.Hook.After(step, true);
    }

    internal static void ReleaseOwner(SleepingLock inner, LockClass lockClass)
    {
        if (inner.Owner != Environment.CurrentManagedThreadId)
            throw new LockAssertionException(lockClass, "released by a thread that does not hold it");
        inner.Owner = 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void AssertNotOwner(SleepingLock inner, LockClass lockClass, object instance)
    {
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertNotHeld, LockMode.None, lockClass, instance));
        if (inner.IsWriteHeld && inner.Owner == Environment.CurrentManagedThreadId)
            throw new LockAssertionException(lockClass, "held by this thread where it must not be");
    }

    internal static void AssertOwner(SleepingLock inner, LockClass lockClass)
    {
        if (!inner.IsWriteHeld || (Check.TrackOwners && inner.Owner != Environment.CurrentManagedThreadId))
            throw new LockAssertionException(lockClass, "not held by this thread where it must be");
    }
}
