using Warren.HostMemory;

namespace Warren.Hypervisor.Vcpus;

/// <summary>The executor of a vCPU: a guest CPU, or a script.</summary>
public interface IVcpuEngine
{
    /// <summary>
    /// Executes guest code; in guest mode on entry and on return. Returns soon after <see cref="Vcpu.RequestPending"/> turned true, when
    /// the budget is used up, or for a reason of its own. Holds no lock and no reference of the hypervisor while it runs.
    /// </summary>
    VcpuExit Execute(Vcpu vcpu, ref long budget);

    /// <summary>Drops every cached translation and host pointer. On the vCPU's thread, outside guest mode.</summary>
    void FlushTlb();

    /// <summary>The meaning of the guest's page tables; needed by a VM with a shadow MMU.</summary>
    IGuestPageFormat PageFormat => throw NoShadowSupport();

    /// <summary>
    /// Walks the guest's tables for a VM with a shadow MMU: from the root last given to <see cref="Vcpu.SetGuestRoot"/>, reading them with
    /// <see cref="Vcpu.ReadGuestWord"/>, checks the rights, and sets A and D as the ISA tells with
    /// <see cref="Vcpu.CompareExchangeGuestWord"/>. Never called while the guest has no translation: then
    /// its addresses are physical, and nothing is to be walked. On the vCPU's thread, outside guest mode, no
    /// lock held; may sleep.
    /// </summary>
    /// <param name="vcpu">whose guest</param>
    /// <param name="address">guest virtual address, of any form</param>
    /// <param name="access">what the guest is about to do</param>
    /// <param name="mode">in which mode</param>
    /// <param name="walk">filled in when the answer is Ok</param>
    GuestWalkStatus WalkGuest(Vcpu vcpu, Gva address, GuestAccess access, GuestMode mode, ref GuestWalk walk) => throw NoShadowSupport();

    private static NotSupportedException NoShadowSupport() =>
        new("This engine has no support for shadow paging: use VmOptions.Mmu = MmuKind.Tdp.");
}

public enum VcpuExitReason
{
    None,
    /// <summary>Kicked, or the engine stopped because of a request.</summary>
    Interrupted,
    /// <summary>The budget is used up.</summary>
    Budget,
    /// <summary>The guest waits for an interrupt and none is pending; <see cref="Vcpu.Wakeup"/> tells when to run again.</summary>
    Halted,
    /// <summary>The guest called the hypervisor; the machine handles it and runs the vCPU again.</summary>
    EnvironmentCall,
    /// <summary>
    /// The guest has long taken one exception over and over, at one place, without executing an instruction: it goes on only if someone
    /// else changes what it finds there. Running it again is allowed.
    /// </summary>
    TrapLoop,
    /// <summary>The VM is dead (<see cref="VirtualMachine.Kill"/>).</summary>
    Shutdown,
    /// <summary>The host cannot go on with this VM; <see cref="VirtualMachine.ErrorReason"/> says why.</summary>
    InternalError,
    /// <summary>The dirty ring is nearly full: harvest and reset it, then run again.</summary>
    DirtyRingFull,
}

/// <param name="Reason">why the vCPU came back</param>
/// <param name="Detail">of the engine's own making</param>
public readonly record struct VcpuExit(VcpuExitReason Reason, ulong Detail = 0);

public enum GuestAccess
{
    Read,
    Write,
    Execute,
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

/// <summary>
/// A translated page. The pointer is good until the vCPU leaves guest mode with a flush pending: as long as
/// <see cref="Vcpu.FlushCount"/> equals <see cref="FlushCount"/>.
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
    public uint FlushCount;
}
