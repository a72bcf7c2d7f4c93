namespace Warren.Locking;

/// <summary>How a thread comes to hold, or to wait for, a lock.</summary>
internal enum AcquireForm : byte
{
    Lock,

    /// <summary>Cannot wait: nothing leads to it, everything may lead away from it.</summary>
    Try,

    /// <summary>Waits until others are out and then holds nothing (lock_sync): a grace period, a reader of a sequence count.</summary>
    Sync,
}

/// <summary>One lock as it is taken, in the terms of the dependency graph.</summary>
/// <param name="Class">With the subclass.</param>
/// <param name="Instance">The lock.</param>
/// <param name="Mode">How it will be held; Exclusive for those who only wait for everyone.</param>
/// <param name="Recursive">As a reader that waits for an exclusive holder and for nobody else: readers it finds inside, and writers that
/// wait, do not stop it.</param>
/// <param name="Form">Taken, tried, or only waited for.</param>
/// <param name="Context">The wait that taking it may need.</param>
/// <param name="Inner">The longest wait its holder may do.</param>
internal readonly record struct Acquisition(
    LockClass Class, object Instance, LockMode Mode, bool Recursive, AcquireForm Form, WaitContext Context, WaitContext Inner)
{
    /// <summary>The part of a chain's key that knows of this link.</summary>
    internal ulong Token =>
        ((ulong)(uint)Class.Id << 8) | ((ulong)Form << 4) | ((ulong)Inner << 6) | (Recursive ? 8u : 0u) | (ulong)Mode;

    /// <summary>The call, as a kernel programmer writes it.</summary>
    internal string Verb => Verbs.Of(Instance, Mode, Form);

    internal string Call => $"{Verb}({Class.Name})";
}

internal static class Verbs
{
    internal static string Of(object instance, LockMode mode, AcquireForm form) => instance switch
    {
        SpinLock => form == AcquireForm.Try ? "spin_trylock" : "spin_lock",
        RwLock => (mode, form) switch
        {
            (LockMode.Shared, AcquireForm.Try) => "read_trylock",
            (LockMode.Shared, _) => "read_lock",
            (_, AcquireForm.Try) => "write_trylock",
            _ => "write_lock",
        },
        Mutex => form == AcquireForm.Try ? "mutex_trylock" : "mutex_lock",
        RwSemaphore => (mode, form) switch
        {
            (LockMode.Shared, AcquireForm.Try) => "down_read_trylock",
            (LockMode.Shared, _) => "down_read",
            (_, AcquireForm.Try) => "down_write_trylock",
            _ => "down_write",
        },
        Srcu => form == AcquireForm.Sync ? "synchronize_srcu" : "srcu_read_lock",
        SequenceCount => form == AcquireForm.Sync ? "read_seqcount_begin" : "write_seqcount_begin",
        LockMap => mode == LockMode.Shared ? "enter" : "enter_exclusive",
        _ => "lock",
    };

    /// <summary>The kind of thing it is, for the braces after the name.</summary>
    internal static string Kind(object? instance) => instance switch
    {
        SpinLock => "spinlock",
        RwLock => "rwlock",
        Mutex => "mutex",
        RwSemaphore => "rwsem",
        Srcu => "srcu",
        SequenceCount => "seqcount",
        LockMap => "map",
        RcuWait => "rcuwait",
        _ => "lock",
    };
}
