namespace Warren.Hypervisor.Slots;

/// <summary>
/// Flags of a memslot. The low half is what a caller may set (<c>KVM_MEM_*</c>); bit 16 up is ours (KVM's <c>KVM_MEMSLOT_*</c>).
/// </summary>
[Flags]
public enum MemslotFlags : uint
{
    None = 0,
    /// <summary>Guest writes are recorded in the dirty log.</summary>
    LogDirtyPages = 1,
    /// <summary>Guest writes exit as MMIO. Set at creation, for life.</summary>
    ReadOnly = 2,
    /// <summary>Known, refused: memory private to a guest is not supported.</summary>
    GuestMemfd = 4,
    /// <summary>Being deleted or moved: notifications still reach it, faults that find it start again.</summary>
    Invalid = 1 << 16,
}
