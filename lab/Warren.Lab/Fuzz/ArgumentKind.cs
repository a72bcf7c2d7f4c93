namespace Warren.Lab.Fuzz;

/// <summary>The meaning of a number in an operation; each counts from 0.</summary>
internal enum ArgumentKind
{
    /// <summary>A VM of the program.</summary>
    Vm,

    /// <summary>A page of guest memory, or a window where the VM has tables of the guest; see <see cref="FuzzProgram.GfnOf"/>.</summary>
    Gfn,

    /// <summary>A page of host memory: the anonymous ones, then those of the file.</summary>
    Host,

    /// <summary>One less than the number of pages.</summary>
    More,

    /// <summary>The number of a memslot.</summary>
    Slot,

    /// <summary>As in <see cref="Hypervisor.Slots.MemslotFlags"/>.</summary>
    Flags,

    /// <summary>As in <see cref="HostMemory.VmaProtection"/>.</summary>
    Protection,

    /// <summary>Something to store.</summary>
    Value,

    /// <summary>A step of a memslot update; see <see cref="LabVm.FailNextUpdate"/>.</summary>
    Step,

    /// <summary>One of the tables of <see cref="LabTables"/>.</summary>
    Table,

    /// <summary>One of its two last tables.</summary>
    Last,

    /// <summary>A thread of the program.</summary>
    Thread,
}
