namespace Warren.Hypervisor;

/// <summary>Where an update stands: places at which a test observes the locks, or makes an allocation fail.</summary>
internal enum MemslotStep
{
    ReserveId,
    AllocateSlot,
    AllocateInvalidSlot,
    AllocateBitmap,
    PrepareArch,
    /// <summary>Published, slots_arch_lock released, readers of the old set may be about.</summary>
    BeforeGracePeriod,
    AfterGracePeriod,
    /// <summary>The invalid copy is all that anybody finds, and its mappings are gone; slots_arch_lock is free.</summary>
    Zapped,
}
