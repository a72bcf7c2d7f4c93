using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// One page fault (<c>struct kvm_page_fault</c>): what was accessed, and what has been found out about it so far. Made by the vCPU for an
/// access that no SPTE allows, or that executes from a frame not yet marked as code; it lives on the stack through every retry of that
/// access, each of which finds all but the access itself out anew.
/// </summary>
internal unsafe ref struct PageFault(Vcpu vcpu, ulong rootAddress, GuestAccess access, GuestPrivilege mode)
{
    /// <summary>The vCPU whose root, caches and statistics serve.</summary>
    public readonly Vcpu Vcpu = vcpu;
    /// <summary>
    /// The address accessed, as the root translates it (see <see cref="Mmu"/>): a number, since it is guest physical under one MMU and
    /// mostly virtual under the other.
    /// </summary>
    public readonly ulong RootAddress = rootAddress;
    public readonly GuestAccess Access = access;
    /// <summary>The guest's mode for the access; nothing to TDP, whose guest walks its tables itself.</summary>
    public readonly GuestPrivilege Mode = mode;

    /// <summary>How often this access has come back with <see cref="FaultResult.Retry"/>.</summary>
    public int Retries;
    /// <summary>
    /// It has retried so often that it looks its page up under mmu_lock: see <see cref="VirtualMachine.TryLookUp"/>. What
    /// <see cref="Sequence"/> says no longer counts.
    /// </summary>
    public bool Pessimistic;
    /// <summary>
    /// The snapshot of <see cref="InvalidationState.Sequence"/> (<c>mmu_seq</c>), from before everything below was looked up.
    /// </summary>
    public ulong Sequence;
    /// <summary>Of the page accessed.</summary>
    public Gfn Gfn;
    /// <summary>Of <see cref="Gfn"/>, or null. Good inside the read section of <see cref="VirtualMachine.Srcu"/> it was found in.</summary>
    public Memslot? Slot;
    /// <summary>The frame that backs the page (<c>pfn</c>, <c>map_writable</c>).</summary>
    public FrameMapping Mapping;
    /// <summary>Level of the leaf to be installed, 1 or 2.</summary>
    public int GoalLevel;
    /// <summary>Shadow MMU: how the guest's tables lead to <see cref="Gfn"/>. Good while its fault is handled.</summary>
    public GuestWalk* Walk;
    /// <summary>Shadow MMU: the guest physical address of the access; set when the result is Mmio or Tracked.</summary>
    public Gpa Gpa;

    public readonly bool IsWrite => Access == GuestAccess.Write;
    /// <summary><see cref="RootAddress"/> without the 12 bits of the offset.</summary>
    public readonly ulong RootPage => RootAddress >> VirtualMachine.PageShift;
    /// <summary>Host virtual address of the page. There is a slot.</summary>
    public readonly Hva Hva => Slot!.GfnToHva(Gfn);
    public readonly SpteTable Root => Vcpu.Root;
    public readonly VcpuStatistics* Statistics => Vcpu.StatisticsPointer;
}

/// <summary>How a page fault ended.</summary>
internal enum FaultResult
{
    /// <summary>The access is mapped now, by this fault or by another.</summary>
    Fixed,
    /// <summary>Something moved underneath: enter guest mode again, and walk again.</summary>
    Retry,
    /// <summary>No memory there, or a write to read-only memory.</summary>
    Mmio,
    /// <summary>The host cannot back the page; or a table of the guest lies where no memory is.</summary>
    Error,
    /// <summary>Shadow MMU: the guest's own tables forbid it.</summary>
    PageFault,
    /// <summary>Shadow MMU: a write to a table that is in use.</summary>
    Tracked,
}
