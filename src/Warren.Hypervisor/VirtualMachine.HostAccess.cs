using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Shadow;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor;

public sealed unsafe partial class VirtualMachine
{
    /// <summary>
    /// Copies guest memory out, for devices and SBI (<c>kvm_read_guest</c>). Only the first address space. Not from inside guest mode; may
    /// sleep.
    /// </summary>
    /// <returns>false when some byte is in no memslot, or the host cannot back it; then <paramref name="destination"/> may be half
    /// filled</returns>
    public bool ReadGuest(Gpa gpa, Span<byte> destination)
    {
        using var balance = Check.Balanced();
        if (gpa + (ulong)destination.Length < gpa) return false;
        while (!destination.IsEmpty)
        {
            var part = (int)Math.Min((ulong)destination.Length, PageSize - gpa.PageOffset);
            if (!ReadGuestPage(gpa, destination[..part])) return false;
            destination = destination[part..];
            gpa += (ulong)part;
        }
        return true;
    }

    /// <summary>
    /// Copies into guest memory (<c>kvm_write_guest</c>): breaks CoW, marks the dirty log, voids code decoded from the pages. Only the
    /// first address space. Not from inside guest mode; may sleep.
    /// </summary>
    /// <returns>false when some byte is in no memslot or a read-only one, or the host cannot back it; pages before it are written</returns>
    public bool WriteGuest(Gpa gpa, ReadOnlySpan<byte> source)
    {
        using var balance = Check.Balanced();
        if (gpa + (ulong)source.Length < gpa) return false;
        while (!source.IsEmpty)
        {
            var part = (int)Math.Min((ulong)source.Length, PageSize - gpa.PageOffset);
            if (!WriteGuestPage(gpa, source[..part])) return false;
            source = source[part..];
            gpa += (ulong)part;
        }
        return true;
    }

    private bool ReadGuestPage(Gpa gpa, Span<byte> destination)
    {
        var srcu = Srcu.ReadLock();
        try
        {
            var gfn = gpa.Gfn;
            if (FindForHost(gfn, write: false) is not { } slot) return false;
            if (Memory.Fault(slot.GfnToHva(gfn), write: false, out var mapping) != FaultStatus.Ok) return false;
            // The reference keeps the frame. Should the page be replaced now, this read came before that.
            CopyAtomic(Pool.Pointer(mapping.Pfn) + gpa.PageOffset, destination);
            Pool.Put(mapping.Pfn);
            return true;
        }
        finally
        {
            Srcu.ReadUnlock(srcu);
        }
    }

    private bool WriteGuestPage(Gpa gpa, ReadOnlySpan<byte> source)
    {
        var srcu = Srcu.ReadLock();
        try
        {
            var gfn = gpa.Gfn;
            if (FindForHost(gfn, write: true) is not { } slot) return false;
            var spin = default(SpinState);
            var shadow = Mmu as ShadowMmu;
            var shadowed = false;
            for (var retries = 0; ; retries++, Cpu.Relax(ref spin))
            {
                var sequence = Invalidation.Sequence;
                if (Memory.Fault(slot.GfnToHva(gfn), write: true, out var mapping) != FaultStatus.Ok) return false;
                // As a vCPU's store through an SPTE: under mmu_lock no invalidation of the page gets past its start, so that the frame
                // cannot become another's, or shared, under the copy. Held for write, it also keeps the page's shadows, if it is one of the
                // guest's tables, from being used before they follow.
                if (shadowed) MmuLock.WriteLock();
                else MmuLock.ReadLock();
                var superseded = Pfn.None;
                var retry = retries < OptimisticRetries ? Invalidation.RetryGfn(sequence, gfn)
                    : !TryLookUp(slot, gfn, write: true, ref mapping, out superseded);
                var upgrade = !shadowed && shadow is not null && shadow.IsShadowed(slot, gfn);
                if (!retry && !upgrade)
                {
                    CopyAtomic(source, Pool.Pointer(mapping.Pfn) + gpa.PageOffset);
                    CodeMarks.AfterHostWrite(Pool, mapping.Pfn);
                    if (shadowed) shadow!.AfterWrite(slot, gfn, (int)gpa.PageOffset, source.Length, byGuest: false);
                }
                if (shadowed) MmuLock.WriteUnlock();
                else MmuLock.ReadUnlock();
                Pool.Put(mapping.Pfn);
                if (!superseded.IsNone) Pool.Put(superseded);
                shadowed |= upgrade;
                if (retry) Counters.HostWriteRetry();
                else if (!upgrade) break;
            }
            DirtyLog.MarkPageDirty(slot, gfn, null);
            return true;
        }
        finally
        {
            Srcu.ReadUnlock(srcu);
        }
    }

    /// <summary>As <c>gfn_to_hva</c>: an invalid slot is no memory to the host's own accesses, nor a read-only one for writes.</summary>
    private Memslot? FindForHost(Gfn gfn, bool write)
    {
        var slot = GetMemslots(0).Find(gfn);
        return slot is null || slot.IsInvalid || (write && slot.IsReadOnly) ? null : slot;
    }

    /// <summary>The sizes of registers and ring indices in one access, as the guest expects of a device; otherwise in any order.</summary>
    private static void CopyAtomic(byte* source, Span<byte> destination)
    {
        Check.Mark(LockingMarks.Touched, null, (nint)source, destination.Length);
        switch (destination.Length)
        {
            case 2 when ((nuint)source & 1) == 0: Unsafe.WriteUnaligned(ref destination[0], Atomics.Read(ref *(ushort*)source)); break;
            case 4 when ((nuint)source & 3) == 0: Unsafe.WriteUnaligned(ref destination[0], Atomics.Read(ref *(uint*)source)); break;
            case 8 when ((nuint)source & 7) == 0: Unsafe.WriteUnaligned(ref destination[0], Atomics.Read(ref *(ulong*)source)); break;
            default: new ReadOnlySpan<byte>(source, destination.Length).CopyTo(destination); break;
        }
    }

    private static void CopyAtomic(ReadOnlySpan<byte> source, byte* destination)
    {
        Check.Mark(LockingMarks.Touched, null, (nint)destination, source.Length);
        switch (source.Length)
        {
            case 2 when ((nuint)destination & 1) == 0: Atomics.Write(ref *(ushort*)destination, BitConverter.ToUInt16(source)); break;
            case 4 when ((nuint)destination & 3) == 0: Atomics.Write(ref *(uint*)destination, BitConverter.ToUInt32(source)); break;
            case 8 when ((nuint)destination & 7) == 0: Atomics.Write(ref *(ulong*)destination, BitConverter.ToUInt64(source)); break;
            default: source.CopyTo(new Span<byte>(destination, source.Length)); break;
        }
    }
}
