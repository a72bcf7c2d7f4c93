using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Tracing;
using Warren.Locking;

namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// The answer to an access that the tables do not serve: the vCPU leaves guest mode, has the fault handled, comes back and looks again.
/// </summary>
public sealed unsafe partial class Vcpu
{
    private bool KickPending => (Atomics.Read(ref _state->RequestWord) & VcpuRequest.Kick.Bit()) != 0;

    /// <summary>The fault's access once more, in guest mode.</summary>
    private WalkResult WalkAgain(ref PageFault fault, out Translation t) =>
        _shadow is null ? Walk(new Gpa(fault.RootAddress), fault.Access, out t)
        : WalkVirtual(new Gva(fault.RootAddress), fault.Access, fault.Mode, out t, out fault.Gpa);

    /// <summary>In guest mode on call and on return.</summary>
    /// <param name="fault">just made</param>
    /// <param name="walk">what the first walk found: <see cref="WalkResult.Miss"/> or <see cref="WalkResult.Unmarked"/></param>
    /// <param name="t">set when the result is Memory</param>
    private TranslateStatus Resolve(ref PageFault fault, WalkResult walk, out Translation t)
    {
        var marked = Pfn.None;
        var markedVersion = 0;
        SpinState spin = default;
        if (walk == WalkResult.Miss && fault.IsWrite && DirtyRing is not { IsSoftFull: true } && _mmu.FastFaultInGuestMode(ref fault))
        {
            walk = WalkAgain(ref fault, out t);
            if (walk == WalkResult.Memory) return TranslateStatus.Memory;
        }
        for (; ; )
        {
            t = default;
            if (walk == WalkResult.Mmio) return TranslateStatus.Mmio;
            LeaveGuestMode();
            var result = FaultResult.Retry;
            if (walk == WalkResult.Unmarked)
            {
                _state->Statistics.CodeMarks++;
                _vm.CodeMarks.Mark(this, fault.RootPage, out marked, out markedVersion);
            }
            else if ((fault.IsWrite || _shadow is not null) && DirtyRing is { IsSoftFull: true })
            {
                // The ring must have room for every page that becomes writable, and for the guest's table that a read sets A in: harvest
                // first.
                PostRequest(VcpuRequest.DirtyRingSoftFull);
                if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.DirtyRingExit(this);
                EnterGuestMode();
                return TranslateStatus.Stopped;
            }
            else
            {
                if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.PageFault(this, fault.RootAddress, fault.Access);
                result = TryTopUp() ? _mmu.HandleFault(ref fault) : FaultResult.Error;
            }
            if (!ReenterGuestMode() || result == FaultResult.Retry && walk == WalkResult.Miss && KickPending)
                return TranslateStatus.Stopped;
            switch (result)
            {
                case FaultResult.Mmio: return TranslateStatus.Mmio;
                case FaultResult.Tracked: return TranslateStatus.Tracked;
                case FaultResult.PageFault: return TranslateStatus.PageFault;
                case FaultResult.Error: return TranslateStatus.Error;
                case FaultResult.Retry when walk == WalkResult.Miss:
                    fault.Retries++;
                    Cpu.Relax(ref spin);
                    break;
            }
            walk = WalkAgain(ref fault, out t);
            if (walk == WalkResult.Memory) return TranslateStatus.Memory;
            if (walk == WalkResult.Unmarked && t.Pfn == marked)
            {
                // A writer has cleared the mark already. The bytes may be decoded and executed once, as if before that write.
                t.CodeVersion = markedVersion;
                return TranslateStatus.Memory;
            }
        }
    }

    /// <summary>
    /// Back into guest mode in the middle of an instruction. Always there on return; false: the VM is dead or has no tables, the engine
    /// must stop.
    /// </summary>
    private bool ReenterGuestMode()
    {
        for (; ; )
        {
            if (RequestPending && !ServeTlbRequests() || _vm.HasError && HasNoRoot)
            {
                EnterGuestMode();
                return false;
            }
            if (TryEnterGuestMode(Deferred)) return true;
        }
    }
}
