namespace Warren.HostMemory;

/// <summary>Why a range is invalidated (enum mmu_notifier_event).</summary>
public enum MmuNotifierEvent
{
    Unmap,
    Clear,
    ProtectionVma,
    ProtectionPage,
    SoftDirty,
    Release,
    Migrate,
    Exclusive,
}

/// <summary>The host virtual addresses [Start, End) whose backing changes, page-aligned and not empty.</summary>
public readonly struct MmuNotifierRange(Hva start, Hva end, MmuNotifierEvent reason, bool blockable = true)
{
    internal MmuNotifierRange(InvalidationRecord record, MmuNotifierEvent reason, bool blockable)
        : this(record.Start, record.End, reason, blockable) => Id = record.Id;

    public Hva Start { get; } = start;

    public Hva End { get; } = end;

    public MmuNotifierEvent Event { get; } = reason;

    /// <summary>False: the caller must not sleep, so neither may the notifier; it may refuse instead.</summary>
    public bool Blockable { get; } = blockable;

    /// <summary>
    /// Names the notification: one of its address space has it, from its start to its end, where an update joins it included. 0 for a range
    /// that is no notification's.
    /// </summary>
    public long Id { get; }
}
