namespace Warren.Locking;

/// <summary>
/// The waits that a holder of a lock may make, from the least to the most restricting one: whoever holds a lock of one context may only
/// take locks of the same or a smaller context (lockdep's wait types, without the real-time split).
/// </summary>
public enum WaitContext
{
    /// <summary>Never waits: SRCU read sections, sequence-count readers, pseudo-locks.</summary>
    Free,

    /// <summary>Waits by spinning; the holder must not sleep.</summary>
    Spin,

    /// <summary>Waits by sleeping on another thread of this process: mutexes, semaphores, grace periods.</summary>
    Sleep,

    /// <summary>Waits for the world outside: file reads, host system calls, tasks.</summary>
    Block,
}
