using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// One thread waits for a condition that others make true (rcuwait). The waiter: <see cref="Prepare"/>, then while the
/// condition is false <see cref="Wait"/>, then <see cref="Finish"/>. The waker: make the condition true, then
/// <see cref="WakeUp"/>. A wake-up after Prepare is never lost: it is kept until the next Wait, which then returns at once,
/// hence the loop around the condition. That only one thread waits at a time is the caller's to guarantee.
/// </summary>
public sealed class RcuWait(LockClass lockClass)
{
    private readonly Parker _parker = new();
    private int _waiter;
    private int _woken;

    public LockClass Class { get; } = lockClass;

    /// <summary>A hint, ordered by nothing: where it decides over a wake-up, a lock that both sides take must order it.</summary>
    public bool HasWaiter => Check.On ? HasWaiterChecked() : Volatile.Read(ref _waiter) != 0;

    /// <exception cref="LockAssertionException">Another thread waits already.</exception>
    public void Prepare()
    {
        var step = default(CheckStep);
        if (Check.On)
        {
            step = new CheckStep(CheckOperation.WaitPrepare, LockMode.None, Class, this);
            Check.Hook.Before(step);
        }

        Volatile.Write(ref _woken, 0);
        // Full fence: the waiter is visible before the condition is looked at; pairs with the fence in WakeUp.
        if (Interlocked.Exchange(ref _waiter, Environment.CurrentManagedThreadId) != 0)
            throw new LockAssertionException(Class, "two threads wait where only one may");
        if (Check.On)
            Check.Hook.After(step, true);
    }

    /// <summary>Sleeps until a wake-up, consuming it; returns at once when one came since Prepare or the last Wait.</summary>
    public void Wait()
    {
        if (Check.On)
            WaitChecked();
        else
            _parker.Park(ref _woken);
        // An exchange, so that the condition is read after the wake-up is consumed: a later waker sets it again.
        Interlocked.Exchange(ref _woken, 0);
    }

    public void Finish()
    {
        if (Check.On)
            FinishChecked();
        else
            Volatile.Write(ref _waiter, 0);
    }

    /// <summary>Wakes the waiter if there is one; false when there is none. Never waits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool WakeUp() => Check.On ? WakeUpChecked() : WakeUpNative();

    private bool WakeUpNative()
    {
        // The condition was made true before: it must be visible before we conclude that nobody waits.
        Atomics.FenceWithinStep();
        if (Volatile.Read(ref _waiter) == 0)
            return false;
        Volatile.Write(ref _woken, 1);
        _parker.Unpark();
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool HasWaiterChecked()
    {
        var step = new CheckStep(CheckOperation.WaitProbe, LockMode.None, Class, this);
        var hook = Check.Hook;
        hook.Before(step);
        var waiter = Atomics.TryForward(hook, ref _waiter, this, out var pending) ? pending : Volatile.Read(ref _waiter);
        hook.After(step, waiter != 0);
        return waiter != 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FinishChecked()
    {
        var step = new CheckStep(CheckOperation.WaitFinish, LockMode.None, Class, this);
        var hook = Check.Hook;
        hook.Before(step);
        if (!Atomics.TryBuffer(hook, step, ref _waiter, 0, this))
            Volatile.Write(ref _waiter, 0);
        hook.After(step, true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool WakeUpChecked()
    {
        var step = new CheckStep(CheckOperation.WaitWakeUp, LockMode.None, Class, this);
        Check.Hook.Before(step);
        var woke = WakeUpNative();
        Check.Hook.After(step, woke);
        return woke;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WaitChecked()
    {
        var step = new CheckStep(CheckOperation.WaitSleep, LockMode.None, Class, this, context: WaitContext.Sleep);
        Check.Hook.Before(step);
        while (Volatile.Read(ref _woken) == 0)
        {
            if (Check.Hook.Wait(step))
                continue;
            _parker.Park(ref _woken);
            break;
        }

        Check.Hook.After(step, true);
    }
}
