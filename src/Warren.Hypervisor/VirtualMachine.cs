using Warren.HostMemory;
using Warren.Hypervisor.Audit;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>
/// A virtual machine (<c>struct kvm</c>): guest physical memory as slots over an <see cref="AddressSpace"/>, the tables that map it, vCPUs
/// and a bus. Any thread may call any member; <see cref="Dispose"/> needs everyone else to be done.
/// </summary>
public sealed partial class VirtualMachine : IDisposable
{
    public const int PageShift = 12;
    public const ulong PageSize = 1UL << PageShift;
    /// <summary>Slots a caller may have in each address space.</summary>
    public const int UserMemslots = 32764;
    /// <summary>Pages a slot may have (<c>KVM_MEM_MAX_NR_PAGES</c>).</summary>
    public const ulong MaxPagesPerSlot = (1UL << 31) - 1;
    /// <summary>One past the last gfn that four levels of tables can map: 48 bits of guest physical address.</summary>
    public static Gfn EndGfn => new(1UL << SpteTable.AddressBits - PageShift);

    private readonly VmMmuNotifier _notifier;
    private readonly MemslotSpace[] _spaces;
    private readonly long _notificationsBefore;
    private readonly LockMap _disposal = new(HostMemoryLocks.Disposal);
    private bool _disposed;

    /// <param name="memory">KVM's mm. May serve several VMs; must outlive this one or be disposed first, either is fine.</param>
    /// <param name="options">Null for the defaults.</param>
    public VirtualMachine(AddressSpace memory, VmOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Options = options ?? new VmOptions();
        Options.Validate();
        Memory = memory;
        Bus = new IoBus(Srcu,
            (device, e) => ReportError($"The device {device.Name} failed on an access of the guest; this is a bug of the device.", e));
        Invalidation = new InvalidationState(MmuLock);
        _spaces = new MemslotSpace[Options.AddressSpaces];
        for (var i = 0; i < _spaces.Length; i++) _spaces[i] = new MemslotSpace(i);
        Gate = Options.Gate.Create(this);
        _notifier = new VmMmuNotifier(this);
        DirtyLog = new DirtyLog(this);
        Mmu = Options.Mmu.Create(this);
        CodeMarks = new CodeMarks(this);
        _notificationsBefore = memory.Notifiers.Seen;
        memory.Notifiers.Register(_notifier);
    }

    public AddressSpace Memory { get; }
    public FramePool Pool => Memory.Pool;
    public VmOptions Options { get; }
    public IoBus Bus { get; }

    internal Mutex SlotsLock { get; } = new(HypervisorLocks.SlotsLock);
    internal Mutex SlotsArchLock { get; } = new(HypervisorLocks.SlotsArchLock);
    internal RwLock MmuLock { get; } = new(HypervisorLocks.MmuLock);
    internal Srcu Srcu { get; } = new(HypervisorLocks.Srcu);
    internal InvalidationState Invalidation { get; }
    internal InvalidationGate Gate { get; }
    internal VmMmuNotifier Notifier => _notifier;

    /// <summary>
    /// Retries after which a fault, or a write by the host, looks its page up under mmu_lock (<see cref="TryLookUp"/>) and is no longer
    /// sent back to its start by invalidations of other pages. Set by tests.
    /// </summary>
    internal int OptimisticRetries { get; set; } = 8;

    /// <summary>The slots of an address space as published now. Inside <see cref="Srcu"/>, or with SlotsLock held.</summary>
    internal Memslots GetMemslots(int addressSpaceId) => _spaces[addressSpaceId].Current;

    /// <summary>
    /// Unsubscribes, frees tables, slots and bitmaps. No vCPU runs and no call is under way or will come, except notifications: one whose
    /// start reached this VM and whose end now will not is nobody's concern any more, since the count it leaves behind dies with the VM.
    /// </summary>
    /// <exception cref="AuditException">With <see cref="VmOptions.Audit"/>: the page tables were wrong at the end, and no audit before has
    /// said so. All is freed nevertheless.</exception>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        using var balance = Check.Balanced();
        var wrong = AuditAtEnd();
        _disposal.Enter(LockMode.Exclusive);
        // Calls Release, so that nothing is mapped from here on; waits for callbacks that run, not for ends that are still to come.
        Memory.Notifiers.Unregister(_notifier);
        Gate.Destroy();
        DisposeVcpus();
        Srcu.Synchronize();
        Srcu.Barrier();
        foreach (var space in _spaces)
        {
            foreach (var slot in space.Current) FreeMemslot(slot, null);
        }
        _disposal.Leave(LockMode.Exclusive);
        ThrowIfWrong(wrong);
    }
}
