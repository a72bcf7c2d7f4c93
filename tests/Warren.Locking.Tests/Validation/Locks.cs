namespace Warren.Locking.Tests.Validation;

/// <summary>Classes of locks, and pairs of locks taken in order.</summary>
internal static class Locks
{
    public static LockClass Spin(string name) => new(name, WaitContext.Spin);

    public static LockClass Sleep(string name) => new(name, WaitContext.Sleep);

    public static LockClass Free(string name) => new(name, WaitContext.Free);

    public static void Both(SpinLock first, SpinLock second)
    {
        first.Lock();
        second.Lock();
        second.Unlock();
        first.Unlock();
    }

    public static void Both(Mutex first, Mutex second)
    {
        first.Lock();
        second.Lock();
        second.Unlock();
        first.Unlock();
    }
}
