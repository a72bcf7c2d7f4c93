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
public readonly struct MmuNotifierRange
{
    private readonly InvalidationRecord? _record;

    public MmuNotifierRange(ulong start, ulong end, MmuNotifierEvent reason, bool blockable = true)
    {
        Start = start;
        End = end;
        Event = reason;
        Blockable = blockable;
    }

    internal MmuNotifierRange(InvalidationRecord record, MmuNotifierEvent reason, bool blockable)
        : this(record.Start, record.End, reason, blockable) => _record = record;

    public ulong Start { get; }

    public ulong End { get; }

    public MmuNotifierEvent Event { get; }

    /// <summary>False: the caller must not sleep, so neither may the notifier; it may refuse instead.</summary>
    public bool Blockable { get; }

    /// <summary>
    /// In a start: puts the notifier among those that will be told the end; false when it is there already, because an update of its
    /// regions joined this notification (<see cref="RegionUpdate.Join"/>). For notifiers that count under a lock of their own, held here
    /// and around the update; the others are entered when they have accepted.
    /// </summary>
    public bool Enter(MmuNotifier notifier) => _record!.List.Enter(_record, notifier);
}
