using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tracing;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>The vCPUs of a VM and what is asked of all of them; its tables, its dirty log, and how it dies.</summary>
public sealed partial class VirtualMachine
{
    /// <summary>KVM_MAX_VCPUS.</summary>
    public const int MaxVcpus = 1024;

    private Vcpu[] _vcpus = [];
    private VmError? _error;
    private bool _dead;
    private long _flushesSent;

    /// <summary>The page tables.</summary>
    internal Mmu Mmu { get; }
    internal DirtyLog DirtyLog { get; }
    internal CodeMarks CodeMarks { get; }

    /// <summary>Tells the lock validator who is in guest mode and who waits for it.</summary>
    internal LockMap GuestModeMap { get; } = new(HypervisorLocks.GuestMode);

    public IReadOnlyList<Vcpu> Vcpus => VcpuArray;

    internal Vcpu[] VcpuArray => Atomics.Read(ref _vcpus, this);

    /// <summary>The VM was killed; its vCPUs return Shutdown.</summary>
    public bool IsDead => Atomics.Read(ref _dead, this);

    /// <summary>Why the VM died or cannot go on, the first reason if there were several; null while all is well.</summary>
    public string? ErrorReason => Atomics.Read(ref _error, this)?.Reason;

    /// <summary>The exception, where one is the cause: a bug of a device.</summary>
    public Exception? ErrorCause => Atomics.Read(ref _error, this)?.Cause;

    internal bool HasError => Atomics.Read(ref _error, this) is not null;

    /// <summary>Rounds of remote TLB flushes.</summary>
    public long RemoteFlushes => Atomics.Read(ref _flushesSent, this);

    /// <summary>Adds a vCPU; any time, also while others run.</summary>
    /// <exception cref="InvalidOperationException">there are <see cref="MaxVcpus"/> already</exception>
    public Vcpu CreateVcpu(IVcpuEngine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        for (; ; )
        {
            var old = VcpuArray;
            if (old.Length >= MaxVcpus) throw new InvalidOperationException($"A VM has at most {MaxVcpus} vCPUs.");
            Vcpu vcpu = new(this, old.Length, engine);
            if (Atomics.CompareExchange(ref _vcpus, [.. old, vcpu], old, this) == old) return vcpu;
        }
    }

    /// <summary>
    /// Makes a request of every vCPU; one that waits returns when each vCPU that was in guest mode has left it at least once. The calling
    /// thread's own vCPU gets the request too, and serves it before it enters guest mode again. May be called with spinning locks held.
    /// </summary>
    /// <param name="request">what is asked</param>
    /// <param name="except">a vCPU that is not asked</param>
    internal unsafe void MakeAllVcpusRequest(VcpuRequest request, Vcpu? except = null)
    {
        var vcpus = VcpuArray;
        var sections = stackalloc ulong[vcpus.Length];
        PostRequest(vcpus, request, sections, except);
        if ((request & VcpuRequest.Wait) != 0) AwaitRequest(vcpus, sections);
    }

    /// <summary>
    /// The first half of <see cref="MakeAllVcpusRequest"/>: makes the request, and notes for <see cref="AwaitRequest"/> who was in guest
    /// mode.
    /// </summary>
    internal static unsafe void PostRequest(Vcpu[] vcpus, VcpuRequest request, ulong* sections, Vcpu? except = null)
    {
        for (var i = 0; i < vcpus.Length; i++)
        {
            var vcpu = vcpus[i];
            sections[i] = ulong.MaxValue;
            if (vcpu == except) continue;
            vcpu.PostRequest(request);
            if ((request & VcpuRequest.NoWakeup) == 0) vcpu.WakeIfBlocked();
            if (vcpu != Vcpu.Current && vcpu.MarkExiting(out var section)) sections[i] = section;
        }
    }

    /// <summary>Returns when each vCPU that was in guest mode when the request was made has left it at least once.</summary>
    internal unsafe void AwaitRequest(Vcpu[] vcpus, ulong* sections)
    {
        GuestModeMap.Enter(LockMode.Exclusive);
        for (var i = 0; i < vcpus.Length; i++)
        {
            if (sections[i] != ulong.MaxValue) vcpus[i].AwaitSectionEnd(sections[i]);
        }
        GuestModeMap.Leave(LockMode.Exclusive);
    }

    /// <summary>
    /// Returns when no vCPU uses a translation it cached before the call: each is out of guest mode, or will drop its TLB before it comes
    /// back.
    /// </summary>
    internal void FlushRemoteTlbs() => FlushRemoteTlbsExcept(null);

    /// <inheritdoc cref="FlushRemoteTlbs"/>
    /// <param name="except">a vCPU, the caller's own, that sees to its TLB by itself</param>
    internal void FlushRemoteTlbsExcept(Vcpu? except)
    {
        Atomics.Increment(ref _flushesSent, this);
        MakeAllVcpusRequest(VcpuRequest.TlbFlush, except);
    }

    /// <summary>Ends the VM (KVM_REQ_VM_DEAD): every vCPU returns Shutdown, halted ones are woken for it.</summary>
    public void Kill(string reason)
    {
        using var balance = Check.Balanced();
        Atomics.CompareExchange(ref _error, new VmError(reason, null), null, this);
        Atomics.Write(ref _dead, true, this);
        MakeAllVcpusRequest(VcpuRequest.VmDead);
    }

    /// <summary>
    /// Notes why the host cannot go on and has every vCPU come back with InternalError. Waits for nobody; any lock may be held.
    /// </summary>
    internal void ReportError(string reason, Exception? cause = null)
    {
        if (HasError || Atomics.CompareExchange(ref _error, new VmError(reason, cause), null, this) is not null) return;
        foreach (var vcpu in VcpuArray) vcpu.Kick();
    }

    /// <summary>Harvests the bitmap of a memslot; see <see cref="DirtyLog.Get"/>.</summary>
    /// <exception cref="MemslotException">ENXIO, EINVAL, ENOENT or EFAULT, as KVM_GET_DIRTY_LOG</exception>
    public void GetDirtyLog(uint slot, Span<ulong> bitmap)
    {
        using var balance = Check.Balanced();
        DirtyLog.Get(slot, bitmap);
    }

    /// <summary>Clears part of the bitmap of a memslot and protects its pages again; see <see cref="DirtyLog.Clear"/>.</summary>
    /// <exception cref="MemslotException">ENXIO, EINVAL, ENOENT or EFAULT, as KVM_CLEAR_DIRTY_LOG</exception>
    public void ClearDirtyLog(uint slot, ulong firstPage, ulong pages, ReadOnlySpan<ulong> bitmap)
    {
        using var balance = Check.Balanced();
        DirtyLog.Clear(slot, firstPage, pages, bitmap);
    }

    /// <summary>Takes the new entries of a vCPU's dirty ring.</summary>
    /// <exception cref="MemslotException">EINVAL: the VM uses bitmaps</exception>
    public int HarvestDirtyRing(Vcpu vcpu, Span<DirtyGfn> destination)
    {
        using var balance = Check.Balanced();
        ArgumentNullException.ThrowIfNull(vcpu);
        return DirtyLog.HarvestRing(vcpu, destination);
    }

    /// <summary>Protects the harvested pages again and makes room in the rings (KVM_RESET_DIRTY_RINGS).</summary>
    /// <exception cref="MemslotException">EINVAL: the VM uses bitmaps</exception>
    public int ResetDirtyRings()
    {
        using var balance = Check.Balanced();
        var count = DirtyLog.ResetRings();
        if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.DirtyRingReset(count);
        return count;
    }

    /// <summary>Sum of the vCPUs' counters; exact while none runs.</summary>
    public VcpuStatistics SumVcpuStatistics()
    {
        VcpuStatistics sum = default;
        foreach (var vcpu in VcpuArray) VcpuStatistics.Add(ref sum, vcpu.Statistics);
        return sum;
    }

    /// <summary>After the notifier is gone, before memslots are freed. No vCPU runs any more, and none will.</summary>
    private void DisposeVcpus()
    {
        Atomics.Write(ref _dead, true, this);
        foreach (var vcpu in VcpuArray)
        {
            vcpu.PostRequest(VcpuRequest.VmDead);
            vcpu.ReleaseTables();
            vcpu.DirtyRing?.Dispose();
        }
        Mmu.Dispose();
    }
}
