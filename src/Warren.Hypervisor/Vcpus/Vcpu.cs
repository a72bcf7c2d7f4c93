using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Shadow;
using Warren.Hypervisor.Tracing;
using Warren.Locking;

namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// A virtual CPU: an engine, the modes and requests that let others stop it from using stale translations, and its way into the stage-2
/// tables. One thread at a time runs it, not always the same.
/// </summary>
public sealed unsafe partial class Vcpu
{
    /// <summary>Requests that wait until Run is back between two instructions, because they end it.</summary>
    private static readonly ulong Deferred = VcpuRequest.Kick.Bit() | VcpuRequest.DirtyRingSoftFull.Bit();

    [ThreadStatic]
    private static Vcpu? s_running;

    private readonly VirtualMachine _vm;
    private readonly Mmu _mmu;
    /// <summary>The same, for what only a shadow MMU can do; null under TDP.</summary>
    private readonly ShadowMmu? _shadow;
    private readonly FramePool _pool;
    private readonly IVcpuEngine _engine;
    private readonly VcpuState* _state;
    private readonly bool _audits;

    /// <summary>Tables ready for the next fault; the vCPU's thread only.</summary>
    internal TableCache TableCache;

    internal Vcpu(VirtualMachine vm, int id, IVcpuEngine engine)
    {
        Id = id;
        _vm = vm;
        _mmu = vm.Mmu;
        _shadow = vm.Mmu as ShadowMmu;
        _pool = vm.Pool;
        _engine = engine;
        _audits = vm.Options.Audit;
        _state = (VcpuState*)NativeMemory.AlignedAlloc((nuint)sizeof(VcpuState), 128);
        *_state = default;
        Check.Mark(LockingMarks.Reused, this, (nint)_state, sizeof(VcpuState));
        _state->Root = EmptyTable.Entries;
        SetRootForm();
        if (vm.DirtyLog.UsesRings) DirtyRing = new DirtyRing(vm.Options.DirtyRingEntries);
    }

    // Not before nobody can reach the vCPU any more: a late Kick must find its request word.
    ~Vcpu() => NativeBlock.AlignedFree(_state);

    public int Id { get; }
    public IVcpuEngine Engine => _engine;
    public VirtualMachine VirtualMachine => _vm;

    /// <summary>
    /// Called by whoever makes a request that wakes, once for each time the vCPU halted; perhaps before Run has returned Halted. Must not
    /// block.
    /// </summary>
    public Action<Vcpu>? Wakeup { get; set; }

    /// <summary>Native; not zero while a request waits. The engine looks at it between blocks.</summary>
    public ulong* RequestWord => &_state->RequestWord;

    public bool RequestPending => Atomics.Read(ref _state->RequestWord) != 0;

    /// <summary>How often <see cref="IVcpuEngine.FlushTlb"/> ran.</summary>
    public uint FlushCount => _state->FlushCount;

    public VcpuMode Mode => (VcpuMode)(Atomics.Read(ref _state->Mode) & 3);

    /// <summary>A copy of the counters; exact while the vCPU does not run.</summary>
    public VcpuStatistics Statistics => _state->Statistics;

    /// <summary>Requests others made of this vCPU.</summary>
    public long RequestsReceived => Atomics.Read(ref _state->RequestsReceived);

    /// <summary>The vCPU this thread is inside Run of.</summary>
    internal static Vcpu? Current => s_running;

    /// <summary>The memslot address space whose tables it walks: the first, since no guest here has a mode that walks the second.</summary>
    internal int AddressSpaceId { get; }
    internal VcpuState* State => _state;
    internal VcpuStatistics* StatisticsPointer => &_state->Statistics;
    internal DirtyRing? DirtyRing { get; }
    internal SpteTable Root => new(_state->Root);

    /// <summary>Serves requests, enters guest mode, runs the engine, leaves; again until there is a reason to come back.</summary>
    /// <exception cref="InvalidOperationException">another thread is running this vCPU</exception>
    public VcpuExit Run(ref long budget)
    {
        using var balance = Check.Balanced();
        if (Atomics.Exchange(ref _state->Running, 1) != 0)
            throw new InvalidOperationException($"vCPU {Id} is being run by another thread: one thread at a time may run it.");
        var outer = s_running;
        s_running = this;
        Atomics.Write(ref _state->Blocked, 0);
        try
        {
            var exit = RunLoop(ref budget);
            if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.UserspaceExit(this, exit.Reason);
            return exit;
        }
        finally
        {
            if (Mode != VcpuMode.OutsideGuestMode) LeaveGuestMode();
            s_running = outer;
            Atomics.Write(ref _state->Running, 0);
        }
    }

    private VcpuExit RunLoop(ref long budget)
    {
        for (; ; )
        {
            if (_audits) _vm.AuditIfDue();
            var reason = ServeRequests();
            if (reason != VcpuExitReason.None) return new(reason);
            if (budget <= 0) return new(VcpuExitReason.Budget);
            if (_vm.ErrorReason is not null) return new(VcpuExitReason.InternalError);
            if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.Entry(this);
            if (!TryEnterGuestMode(deferred: 0)) continue;
            var exit = _engine.Execute(this, ref budget);
            LeaveGuestMode();
            if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.Exit(this, exit.Reason);
            switch (exit.Reason)
            {
                case VcpuExitReason.Interrupted:
                case VcpuExitReason.None:
                    // Of its own accord, if nothing was asked of it.
                    if (!RequestPending) return new(VcpuExitReason.Interrupted, exit.Detail);
                    break;
                case VcpuExitReason.Shutdown when !_vm.IsDead:
                    return exit;
                case VcpuExitReason.Shutdown:
                    break;
                case VcpuExitReason.Halted:
                    if (TryBlock()) return exit;
                    break;
                default:
                    return exit;
            }
        }
    }

    /// <summary>Declares the vCPU halted unless a request is waiting: a request made from now on calls <see cref="Wakeup"/>.</summary>
    private bool TryBlock()
    {
        Atomics.Exchange(ref _state->Blocked, 1);
        // A full barrier stands between the two, as between the bit and the look at Blocked in MakeRequest: one of us sees the other.
        if (!RequestPending) return true;
        // Whoever turns Blocked off decides: we do, and go on; or the other did and has called Wakeup, so halted it is, to be run again for
        // that.
        return Atomics.Exchange(ref _state->Blocked, 0) == 0;
    }

    /// <summary>Gives back root and tables, while the VM's tables still exist. Outside guest mode, not running.</summary>
    internal void ReleaseTables()
    {
        PutRoot();
        _mmu.DrainCaches(this);
    }

    private void PutRoot()
    {
        var root = Root;
        if (HasNoRoot) return;
        _state->Root = EmptyTable.Entries;
        _mmu.PutRoot(root);
    }

    /// <summary>A page of zeroes of the process: what a vCPU without a root walks.</summary>
    private static readonly SpteTable EmptyTable = AllocateEmptyTable();

    private static SpteTable AllocateEmptyTable()
    {
        var page = NativeMemory.AlignedAlloc(4096, 4096);
        NativeMemory.Clear(page, 4096);
        return new((ulong*)page);
    }
}
