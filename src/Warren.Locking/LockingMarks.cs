namespace Warren.Locking;

/// <summary>Events of memory that any layer may tell with <see cref="Check.Mark"/>, for the oracle of uses after free.</summary>
public static class LockingMarks
{
    /// <summary>
    /// Nobody may use it any more: the grace period of its last reader is over. Subject: the object, or what owns the memory; first and
    /// second: address and bytes of native memory that goes with it, or 0.
    /// </summary>
    public static readonly CheckMark Retired = new("retired");

    /// <summary>Native memory was handed out, perhaps again: address and bytes.</summary>
    public static readonly CheckMark Reused = new("reused");

    /// <summary>Native memory is about to be read or written as a whole, not by single steps: address and bytes.</summary>
    public static readonly CheckMark Touched = new("touched");
}
