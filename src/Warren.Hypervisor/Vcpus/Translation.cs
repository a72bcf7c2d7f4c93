using Warren.HostMemory;

namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// A translated page. The pointer is good until <see cref="Vcpu.FlushCount"/> moves, which it
/// does when the vCPU leaves guest mode with a flush pending.
/// </summary>
public unsafe struct Translation
{
    /// <summary>Base of the 4 KiB page in the host.</summary>
    public byte* HostPage;
    public Pfn Pfn;
    /// <summary>The frame's code state: bit 0 set while it holds decoded code, the other bits a generation.</summary>
    public int* CodeState;
    /// <summary>
    /// For Execute: what <see cref="CodeState"/> was once every stale write translation was gone. What is decoded from the page from now on
    /// is valid while the two are equal; when they differ already, it may be executed once and not be kept.
    /// </summary>
    public int CodeVersion;
    /// <summary>Only after a Write: stores may go through the pointer.</summary>
    public bool Writable;
}

public enum TranslateStatus
{
    Memory,
    /// <summary>
    /// No memslot, or a write to a read-only one: the engine goes through <see cref="Vcpu.MmioRead"/> or <see cref="Vcpu.MmioWrite"/>.
    /// </summary>
    Mmio,
    /// <summary>The host cannot back the page: the engine raises an access fault.</summary>
    Error,
    /// <summary>The engine must return from Execute without completing the instruction, which will be executed again.</summary>
    Stopped,
    /// <summary>
    /// Only from <see cref="Vcpu.TranslateVirtual"/>: the guest's own tables forbid the access; the engine raises a page fault.
    /// </summary>
    PageFault,
    /// <summary>
    /// Only from <see cref="Vcpu.TranslateVirtual"/>, for a write: the page holds a table that is shadowed. The engine stores by
    /// <see cref="Vcpu.WriteTracked"/>, or, what reads and writes at once, by <see cref="Vcpu.CompareExchangeTracked"/>.
    /// </summary>
    Tracked,
}
