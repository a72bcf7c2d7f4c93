namespace Warren.Hypervisor.Slots;

/// <summary>
/// Where an update, or the first shadow root, stands: places at which a test observes the locks, or makes an allocation fail.
/// </summary>
internal enum MemslotStep
{
    ReserveId,
    AllocateSlot,
    AllocateBitmap,
    PrepareMmu,
    /// <summary>
    /// Shadow paging: the reverse maps of a slot, in its creation or move and once for each slot when the first root is made;
    /// slots_arch_lock is held.
    /// </summary>
    AllocateRmaps,
    /// <summary>
    /// The hash of shadow pages, when the first root is made; the reverse maps of all slots are allocated and not yet theirs.
    /// </summary>
    AllocateHash,
    /// <summary>All is prepared; the sets of slots and of regions are built and exchanged next.</summary>
    Publish,
    /// <summary>The mark or the new set is there, slots_arch_lock is free, readers of what was before may be about.</summary>
    BeforeGracePeriod,
    AfterGracePeriod,
    /// <summary>Everybody finds the slot invalid, and its mappings are gone; slots_arch_lock is free.</summary>
    Zapped,
}
