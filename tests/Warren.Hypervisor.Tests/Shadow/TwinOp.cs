namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// One operation of a random sequence that both VMs of a <see cref="TwinVms"/> execute; what the numbers mean depends on the kind.
/// </summary>
public readonly record struct TwinOp(TwinOpKind Kind, int A, int B, int C, int D);

public enum TwinOpKind
{
    /// <summary>A vCPU switches to another root, or to none.</summary>
    SetRoot,
    /// <summary>A vCPU without translation stores to a table, in several widths.</summary>
    StoreEntry,
    /// <summary>The same by an atomic instruction.</summary>
    ExchangeEntry,
    /// <summary>A device writes to a table.</summary>
    WriteEntry,
    GuestLoad,
    GuestStore,
    GuestFetch,
    GuestExchange,
    GuestAdd,
    Discard,
    Protect,
    /// <summary>The second slot is deleted, created, moved, or turned read-only.</summary>
    ChangeSlot,
    ToggleLogging,
    GetDirtyLog,
    Age,
}
