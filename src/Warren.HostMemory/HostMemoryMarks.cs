using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>The events of this layer that <see cref="Check.Mark"/> tells to oracles.</summary>
public static class HostMemoryMarks
{
    /// <summary>
    /// Every start has returned, none refused, or nobody had to be told: from here on nothing maps [first, second). Subject: the
    /// <see cref="MmuNotifiers"/>.
    /// </summary>
    public static readonly CheckMark InvalidationStarted = new("invalidation started");

    /// <summary>
    /// A start was refused, and those that had accepted have had their end: the caller changes nothing. Subject and range as above.
    /// </summary>
    public static readonly CheckMark InvalidationRefused = new("invalidation refused");

    /// <summary>The host page table has its new state; no end was called yet. Subject and range as above.</summary>
    public static readonly CheckMark InvalidationEnding = new("invalidation ending");

    /// <summary>Every notifier has had its end. Subject and range as above.</summary>
    public static readonly CheckMark InvalidationEnded = new("invalidation ended");

    /// <summary>A frame has left the free lists, with one reference. Subject: the <see cref="FramePool"/>; first: the frame.</summary>
    public static readonly CheckMark FrameAllocated = new("frame allocated");

    /// <summary>The last reference is gone; the frame is about to join the free lists. Subject and first as above.</summary>
    public static readonly CheckMark FrameFreed = new("frame freed");
}
