namespace Warren.Hypervisor.Vcpus;

/// <summary>The rights that an entry of a guest's page table gives the guest.</summary>
[Flags]
public enum GuestRights : byte
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
    /// <summary>User mode may; supervisor only as <see cref="GuestMode.Sum"/> says, and never to execute.</summary>
    User = 8,
}

/// <summary>In which mode of the guest an access is made; judged at each walk, so that no change of it needs other tables.</summary>
[Flags]
public enum GuestMode : byte
{
    Supervisor = 0,
    User = 1,
    /// <summary>Supervisor may read and write user pages.</summary>
    Sum = 2,
    /// <summary>Pages that may be executed may be read.</summary>
    Mxr = 4,
}

/// <summary>The guest's top-level table (its satp, its CR3).</summary>
/// <param name="Levels">0: no translation, guest virtual addresses are physical ones; 3, 4 or 5 levels of tables otherwise</param>
/// <param name="Gfn">where the top-level table lies; 0 without translation</param>
public readonly record struct GuestRoot(int Levels, Gfn Gfn);

/// <summary>How a walk of the guest's tables ended.</summary>
public enum GuestWalkStatus
{
    Ok,
    /// <summary>The guest's own tables forbid it: the guest gets a page fault.</summary>
    PageFault,
    /// <summary>A table lies where no memory is: the guest gets an access fault.</summary>
    AccessFault,
    /// <summary>Something moved underneath: the access starts again.</summary>
    Retry,
}
