using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tdp;
using Warren.Hypervisor.Tracing;

namespace Warren.Hypervisor.Vcpus;

/// <summary>The engine's way to memory: guest physical address to host pointer.</summary>
public sealed unsafe partial class Vcpu
{
    private enum WalkResult
    {
        Memory,
        Mmio,
        /// <summary>No SPTE that allows it.</summary>
        Miss,
        /// <summary>Mapped, and not yet known to hold code.</summary>
        Unmarked,
    }

    /// <summary>
    /// Finds the page behind a guest physical address. In guest mode on call and on return. A hit in the tables stays in guest mode, and so
    /// does a write that only dirty logging kept away; otherwise the vCPU leaves it, handles the fault, serves requests (the engine's TLB
    /// may be flushed) and enters again.
    /// </summary>
    /// <param name="gpa">guest physical address; beyond 48 bits there is never memory</param>
    /// <param name="access">Write makes the page writable, and marks it in the dirty log; Execute marks the frame as holding code</param>
    /// <param name="t">set when the result is Memory</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TranslateStatus Translate(Gpa gpa, GuestAccess access, out Translation t)
    {
        var walk = Walk(gpa, access, out t);
        return walk == WalkResult.Memory ? TranslateStatus.Memory : TranslateSlow(gpa, access, walk, out t);
    }

    /// <summary>Reads from a device. In guest mode on call and on return; outside it meanwhile.</summary>
    /// <param name="gpa">guest physical address</param>
    /// <param name="size">1, 2, 4 or 8</param>
    /// <param name="value">what the device gave</param>
    /// <returns>false: nobody is there</returns>
    public bool MmioRead(Gpa gpa, int size, out ulong value)
    {
        LeaveGuestMode();
        _state->Statistics.MmioAccesses++;
        var found = _vm.Bus.Read(gpa, size, out value);
        if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.Mmio(write: false, size, gpa, value);
        ReenterGuestMode();
        return found;
    }

    /// <summary>Writes to a device; as <see cref="MmioRead"/>.</summary>
    public bool MmioWrite(Gpa gpa, int size, ulong value)
    {
        LeaveGuestMode();
        _state->Statistics.MmioAccesses++;
        if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.Mmio(write: true, size, gpa, value);
        var found = _vm.Bus.Write(gpa, size, value);
        ReenterGuestMode();
        return found;
    }

    /// <summary>
    /// The hardware's walk, in guest mode: no lock, nothing held. Being in guest mode is what protects it: a table or frame it can reach is
    /// not freed before this vCPU has left.
    /// </summary>
    private WalkResult Walk(Gpa gpa, GuestAccess access, out Translation t)
    {
        if (gpa.Value >> SpteTable.AddressBits != 0)
        {
            Unsafe.SkipInit(out t);
            return WalkResult.Mmio;
        }
        var gfn = gpa.Gfn;
        var need = access == GuestAccess.Write ? Spte.W : access == GuestAccess.Read ? Spte.R : Spte.X;
        var set = access == GuestAccess.Write ? Spte.A | Spte.D : Spte.A;
        for (; ; )
        {
            var entry = TdpMmu.FindLeaf(Root, gfn, out var seen, out _);
            if ((seen.Raw & need) == 0 || entry == null)
            {
                Unsafe.SkipInit(out t);
                return seen.IsMmio && IsCurrent(seen) ? WalkResult.Mmio : WalkResult.Miss;
            }
            if ((seen.Raw & set) != set && !SpteAccess.TryReplace(entry, seen, seen.With(set))) continue;
            var pfn = seen.Pfn + (seen.IsHuge ? SpteTable.IndexOf(gfn, 1) : 0);
            return Found(pfn, access, out t);
        }
    }

    /// <summary>The end of a walk that came to memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private WalkResult Found(Pfn pfn, GuestAccess access, out Translation t)
    {
        t.HostPage = _pool.Pointer(pfn);
        t.Pfn = pfn;
        t.CodeState = _pool.CodeStateOf(pfn);
        t.CodeVersion = 0;
        t.Writable = access == GuestAccess.Write;
        if (access == GuestAccess.Write) CodeMarks.BeforeGuestWrites(ref _pool.Info(pfn));
        else if (access == GuestAccess.Execute && !_vm.CodeMarks.IsMarked(ref _pool.Info(pfn), out t.CodeVersion))
            return WalkResult.Unmarked;
        return WalkResult.Memory;
    }

    /// <summary>An MMIO entry counts only for the memslots it was made from, and not while they are being replaced.</summary>
    private bool IsCurrent(Spte mmio)
    {
        var generation = _vm.GetMemslots(AddressSpaceId).Generation;
        return (generation & Memslots.UpdateInProgress) == 0 && mmio.MmioGeneration == (generation & Spte.MmioGenerationMask);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TranslateStatus TranslateSlow(Gpa gpa, GuestAccess access, WalkResult walk, out Translation t)
    {
        if (_shadow is not null)
        {
            throw new InvalidOperationException(
                "A VM with a shadow MMU is asked for the guest's addresses: the engine must use TranslateVirtual.");
        }
        t = default;
        if (walk == WalkResult.Mmio) return TranslateStatus.Mmio;
        PageFault fault = new(this, gpa.Value, access, GuestPrivilege.Supervisor);
        return Resolve(ref fault, walk, out t);
    }
}
