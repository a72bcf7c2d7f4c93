namespace Warren.Lab.Fuzz;

/// <summary>The options of a VM of a program; a default one has none.</summary>
[Flags]
internal enum VmTraits
{
    None = 0,

    /// <summary>A shadow MMU.</summary>
    Shadow = 1,

    /// <summary>That gate, where the other one is <c>join</c>.</summary>
    ActiveCount = 2,

    /// <summary>KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE.</summary>
    Manual = 4,

    /// <summary>KVM_DIRTY_LOG_INITIALLY_SET, which takes <see cref="Manual"/>.</summary>
    InitiallySet = 8,

    /// <summary>Dirty rings.</summary>
    Ring = 16,

    /// <summary>Bitmaps beside the rings.</summary>
    RingBitmap = 32,

    /// <summary>See <see cref="LabVm.LosePatience"/>.</summary>
    Impatient = 64,

    /// <summary>Tables of the guest: what it accesses are windows.</summary>
    Tables = 128,

    /// <summary>Without A and D at first.</summary>
    Unmarked = 256,

    /// <summary>Few shadow pages.</summary>
    Limited = 512,
}
