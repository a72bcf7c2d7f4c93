using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>
/// A pseudo-lock: it protects nothing and never waits, but while a thread is inside it, lock order is checked as if it held a
/// lock of this class ("inside invalidate start..end", "in guest mode", "may reclaim"). Compiles to nothing when checking is off.
/// </summary>
public sealed class LockMap(LockClass lockClass)
{
    public LockClass Class { get; } = lockClass;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter(LockMode mode = LockMode.Shared)
    {
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.MapEnter, mode, Class, this));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave(LockMode mode = LockMode.Shared)
    {
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.MapLeave, mode, Class, this));
    }
}
