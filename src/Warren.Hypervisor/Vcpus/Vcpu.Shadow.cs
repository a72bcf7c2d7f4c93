using System.Runtime.CompilerServices;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Shadow;

namespace Warren.Hypervisor.Vcpus;

/// <summary>The engine's way to memory in a VM with a shadow MMU: the guest's address to host pointer in one walk.</summary>
public sealed unsafe partial class Vcpu
{
    /// <summary>
    /// The VM was made with <see cref="MmuKind.Shadow"/>: memory is reached by <see cref="TranslateVirtual"/>, never by
    /// <see cref="Translate"/>.
    /// </summary>
    public bool ShadowsGuestTables => _shadow is not null;

    /// <summary>Tables ready for the next fault of a shadow MMU; the vCPU's thread only.</summary>
    internal ShadowCache ShadowCache;

    /// <summary>There is no table the guest's addresses could be looked up in.</summary>
    internal bool HasNoRoot => Root.Equals(EmptyTable);

    /// <summary>The table that a vCPU walks while it has no root.</summary>
    internal static SpteTable NoRoot => EmptyTable;

    /// <summary>Levels of the root, 3 to 5.</summary>
    internal int RootLevel => (_state->RootShift - VirtualMachine.PageShift) / SpteTable.IndexBits + 1;

    /// <summary>
    /// Finds the page behind an address of the guest: virtual, or physical while the guest has no translation (the mode is then ignored).
    /// In guest mode on call and on return; otherwise as <see cref="Translate"/>.
    /// </summary>
    /// <param name="address">the guest's address</param>
    /// <param name="access">as for <see cref="Translate"/></param>
    /// <param name="mode">the guest's mode for this access</param>
    /// <param name="t">set when the result is Memory</param>
    /// <param name="gpa">the guest physical address, set when the result is Mmio or Tracked; not when it is Memory, where finding it would
    /// cost every walk</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TranslateStatus TranslateVirtual(Gva address, GuestAccess access, GuestPrivilege mode, out Translation t, out Gpa gpa)
    {
        var walk = WalkVirtual(address, access, mode, out t, out gpa);
        return walk == WalkResult.Memory ? TranslateStatus.Memory : TranslateVirtualSlow(address, access, mode, walk, out t, ref gpa);
    }

    /// <summary>
    /// As <see cref="Walk"/>, by the guest's address: three loads for a guest of three levels, whatever its own tables would cost.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private WalkResult WalkVirtual(Gva address, GuestAccess access, GuestPrivilege mode, out Translation t, out Gpa gpa)
    {
        gpa = new Gpa(address.Value);
        Unsafe.SkipInit(out t);
        var state = _state;
        // Neither the low half nor the high one: no table says anything about it.
        if (address.Value + state->AddressBias >= state->RootAddressLimit) return WalkResult.Miss;
        var set = access == GuestAccess.Write ? Spte.A | Spte.D : Spte.A;
        for (; ; )
        {
            var table = state->Root;
            ulong* entry;
            Spte seen;
            for (var shift = state->RootShift; ; shift -= SpteTable.IndexBits)
            {
                entry = table + (address.Value >> shift & SpteTable.EntryCount - 1);
                seen = SpteAccess.Read(entry);
                if (!seen.IsTable) break;
                table = seen.Table;
            }
            if (!Allows(seen, access, mode)) return WalkResult.Miss;
            if (!seen.IsLeaf)
            {
                if (!seen.IsMmio || !IsCurrent(seen)) return WalkResult.Miss;
                gpa = seen.MmioGfn.Gpa + address.PageOffset;
                return WalkResult.Mmio;
            }
            if ((seen.Raw & set) != set && !SpteAccess.TryReplace(entry, seen, seen.With(set))) continue;
            var pfn = seen.Pfn + (seen.IsHuge ? (int)address.PageNumber & SpteTable.EntryCount - 1 : 0);
            return Found(pfn, access, out t);
        }
    }

    /// <summary>True when an SPTE allows the access in that mode of the guest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Allows(Spte spte, GuestAccess access, GuestPrivilege mode)
    {
        // Without translation no mode of the guest counts.
        mode &= (GuestPrivilege)_state->PrivilegeMask;
        var need = access == GuestAccess.Write ? Spte.W : access == GuestAccess.Read ? Spte.R : Spte.X;
        var asked = need;
        if ((mode & GuestPrivilege.User) != 0) asked = need |= Spte.U;
        else if (access == GuestAccess.Execute || (mode & GuestPrivilege.Sum) == 0) asked |= Spte.U;
        if ((spte.Raw & asked) == need) return true;
        return access == GuestAccess.Read && (mode & GuestPrivilege.Mxr) != 0
            && (spte.Raw & (asked ^ Spte.R ^ Spte.X)) == (need ^ Spte.R ^ Spte.X);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TranslateStatus TranslateVirtualSlow(Gva address, GuestAccess access, GuestPrivilege mode, WalkResult walk, out Translation t,
        ref Gpa gpa)
    {
        t = default;
        if (walk == WalkResult.Mmio) return TranslateStatus.Mmio;
        PageFault fault = new(this, address.Value, access, mode);
        var status = Resolve(ref fault, walk, out t);
        gpa = fault.Gpa;
        return status;
    }
}
