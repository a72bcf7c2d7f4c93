using Warren.Locking;

namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// Modes and requests. Both sides follow one pattern, each with a full barrier in the middle: the vCPU stores its mode, then reads the
/// requests; whoever asks sets a request, then reads the mode. So either the vCPU sees the request before it executes anything, or the
/// other sees it in guest mode and waits.
/// </summary>
/// <remarks>
/// Waiting cannot deadlock: a thread waits only for vCPUs in guest mode, which need no lock and wait for nobody until they have
/// left; a vCPU that waits itself is outside, hence nobody waits for it. The wait ends when that section ended, even if the next has begun.
/// </remarks>
public sealed unsafe partial class Vcpu
{
    private const int SectionShift = 2;
    private const ulong ModeMask = (1UL << SectionShift) - 1;

    /// <summary>The object that a waiting thread sleeps on after it has spun for a while.</summary>
    private readonly object _ack = new();

    /// <summary>
    /// Sets a request and wakes or kicks the vCPU as the request says; waits for it only through
    /// <see cref="VirtualMachine.MakeAllVcpusRequest"/>.
    /// </summary>
    public void MakeRequest(VcpuRequest request)
    {
        PostRequest(request);
        MarkExiting(out _);
        if ((request & VcpuRequest.NoWakeup) == 0) WakeIfBlocked();
    }

    /// <summary>Takes the request, if it is there. What its maker published before is visible afterwards.</summary>
    public bool CheckRequest(VcpuRequest request)
    {
        var bit = request.Bit();
        if ((Atomics.Read(ref _state->RequestWord) & bit) == 0) return false;
        Atomics.And(ref _state->RequestWord, ~bit);
        return true;
    }

    /// <summary>Has the vCPU leave guest mode soon, and Run return Interrupted; wakes it when it is halted.</summary>
    public void Kick() => MakeRequest(VcpuRequest.Kick);

    internal void PostRequest(VcpuRequest request)
    {
        Atomics.Increment(ref _state->RequestsReceived);
        Atomics.Or(ref _state->RequestWord, request.Bit());
    }

    internal void WakeIfBlocked()
    {
        if (Atomics.Read(ref _state->Blocked) != 0 && Atomics.Exchange(ref _state->Blocked, 0) != 0) Wakeup?.Invoke(this);
    }

    /// <summary>
    /// After a request was posted: tells a vCPU in guest mode to leave. Returns whether it is in a section that a waiter must see end.
    /// </summary>
    internal bool MarkExiting(out ulong section)
    {
        var mode = Atomics.Read(ref _state->Mode);
        section = mode >> SectionShift;
        // Of one section only, or a vCPU that comes and goes would lead a chase: whoever has left it since sees the request before it
        // enters the next.
        while (mode >> SectionShift == section)
        {
            if ((mode & ModeMask) == (ulong)VcpuMode.OutsideGuestMode) return false;
            if ((mode & ModeMask) != (ulong)VcpuMode.InGuestMode) return true;
            var found = Atomics.CompareExchange(ref _state->Mode, mode & ~ModeMask | (ulong)VcpuMode.ExitingGuestMode, mode);
            if (found == mode) return true;
            mode = found;
        }
        return false;
    }

    /// <summary>Returns once the section has ended. Not for the thread that runs this vCPU.</summary>
    internal void AwaitSectionEnd(ulong section)
    {
        SpinState spin = default;
        for (var i = 0; Check.Steps || i < AckSpins; i++)
        {
            if (SectionEnded(section)) return;
            Cpu.Relax(ref spin);
        }
        Atomics.Add(ref _state->AckWaiters, 1);
        lock (_ack)
        {
            while (!SectionEnded(section)) System.Threading.Monitor.Wait(_ack);
        }
        Atomics.Add(ref _state->AckWaiters, -1);
    }

    /// <summary>
    /// Spins before a waiter parks; a vCPU leaves guest mode within one block of guest code unless its thread is off the CPU.
    /// </summary>
    private const int AckSpins = 200;

    private bool SectionEnded(ulong section)
    {
        var mode = Atomics.Read(ref _state->Mode);
        return mode >> SectionShift != section || (mode & ModeMask) == (ulong)VcpuMode.OutsideGuestMode;
    }

    /// <summary>Enters guest mode unless a request (other than the deferred ones) is waiting. A root is loaded if it has none.</summary>
    private bool TryEnterGuestMode(ulong deferred)
    {
        if (HasNoRoot && !TryLoadRoot()) return false;
        EnterGuestMode();
        if ((Atomics.Read(ref _state->RequestWord) & ~deferred) == 0)
        {
            _state->Statistics.GuestEntries++;
            return true;
        }
        LeaveGuestMode();
        return false;
    }

    private void EnterGuestMode()
    {
        Check.AssertNoneHeld();
        _vm.GuestModeMap.Enter();
        // A full barrier: the requests are read after the mode is visible.
        Atomics.Exchange(ref _state->Mode, _state->Mode & ~ModeMask | (ulong)VcpuMode.InGuestMode);
    }

    private void LeaveGuestMode()
    {
        // A full barrier: every access the guest made comes before, and the look at the waiters after. No step here needs a lock anybody
        // waits under.
        Atomics.Exchange(ref _state->Mode, ((_state->Mode >> SectionShift) + 1) << SectionShift);
        _vm.GuestModeMap.Leave();
        if (Atomics.Read(ref _state->AckWaiters) != 0) WakeAckWaiters();
    }

    private void WakeAckWaiters()
    {
        lock (_ack) System.Threading.Monitor.PulseAll(_ack);
    }

    /// <summary>Between two instructions, outside guest mode: does what was asked. None: nothing ends Run.</summary>
    private VcpuExitReason ServeRequests()
    {
        if (!RequestPending) return VcpuExitReason.None;
        if (!ServeTlbRequests()) return VcpuExitReason.Shutdown;
        if (CheckRequest(VcpuRequest.DirtyRingSoftFull) && DirtyRing!.IsSoftFull)
        {
            // Stays up until the ring was reset.
            PostRequest(VcpuRequest.DirtyRingSoftFull);
            return VcpuExitReason.DirtyRingFull;
        }
        return CheckRequest(VcpuRequest.Kick) ? VcpuExitReason.Interrupted : VcpuExitReason.None;
    }

    /// <summary>The requests that may be served in the middle of an instruction. False: the VM is dead.</summary>
    private bool ServeTlbRequests()
    {
        if ((Atomics.Read(ref _state->RequestWord) & VcpuRequest.VmDead.Bit()) != 0) return false;
        if (CheckRequest(VcpuRequest.FreeObsoleteRoots))
        {
            if (!HasNoRoot && _mmu.IsObsolete(Root)) PutRoot();
            FlushTlb();
        }
        if (CheckRequest(VcpuRequest.TlbFlush)) FlushTlb();
        return true;
    }

    private void FlushTlb()
    {
        _state->Statistics.TlbFlushes++;
        _state->FlushCount++;
        _engine.FlushTlb();
    }

    private bool TryLoadRoot()
    {
        if (!TryTopUp()) return false;
        var root = _mmu.LoadRoot(this);
        if (root.IsNull) return false;
        _state->Root = root.Entries;
        _state->Statistics.RootLoads++;
        return true;
    }

    /// <summary>Fills the caches; false, with the VM's error set, when the host has no memory.</summary>
    private bool TryTopUp()
    {
        if (_mmu.TryTopUp(this))
        {
            if (_audits) _vm.AuditCaches(this);
            return true;
        }
        _vm.ReportError(VmErrors.OutOfTables);
        return false;
    }
}
