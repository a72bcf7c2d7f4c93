using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Shadow;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// The guest's operations on its own tables, in a VM with a shadow MMU: switches, fences, stores; and how an engine reads them.
/// </summary>
public sealed unsafe partial class Vcpu
{
    /// <summary>The root last set; no translation at first.</summary>
    public GuestRoot GuestRoot => new(_state->GuestLevels, _state->GuestRootGfn);

    /// <summary>
    /// The guest has switched to another top-level table (its satp was written), or translation on or off. In guest mode on call and on
    /// return, outside meanwhile unless the root is the one it has. The tables below it are brought in step. The engine drops its own TLB
    /// when the root is another one: nothing it knows may outlive the root it was found by.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">not 0, 3, 4 or 5 levels</exception>
    public void SetGuestRoot(GuestRoot root)
    {
        if (root == GuestRoot) return;
        if (root.Levels is not (0 or 3 or 4 or 5))
        {
            throw new ArgumentOutOfRangeException(nameof(root),
                $"A guest has tables of 3, 4 or 5 levels, or none (0), not of {root.Levels}.");
        }
        LeaveGuestMode();
        PutRoot();
        _state->GuestLevels = root.Levels;
        _state->GuestRootGfn = root.Levels == 0 ? default : root.Gfn;
        SetRootForm();
        ReenterGuestMode();
    }

    /// <summary>Derives from the number of levels where a walk begins, and which addresses there are.</summary>
    private void SetRootForm()
    {
        var levels = _state->GuestLevels == 0 ? ShadowMmu.DirectLevels : _state->GuestLevels;
        var bits = VirtualMachine.PageShift + levels * SpteTable.IndexBits;
        _state->RootShift = bits - SpteTable.IndexBits;
        _state->RootAddressLimit = 1UL << bits;
        // Virtual addresses are sign-extended, physical ones are not.
        _state->AddressBias = _state->GuestLevels == 0 ? 0 : 1UL << bits - 1;
        _state->PrivilegeMask = _state->GuestLevels == 0 ? 0 : -1;
    }

    /// <summary>
    /// The guest's fence for all addresses: what the guest wrote to its tables counts from now on. In guest mode on call and on return. The
    /// engine flushes its own TLB itself, afterwards.
    /// </summary>
    public void SyncGuest()
    {
        if (HasNoRoot || !_shadow!.NeedsSync(Root)) return;
        LeaveGuestMode();
        _shadow!.SyncRoot(this);
        ReenterGuestMode();
    }

    /// <summary>
    /// As <see cref="SyncGuest"/>, for the page of one address. Of its own TLB the engine drops, afterwards, the aligned 16 pages around
    /// it: they may be one leaf of the guest (Svnapot).
    /// </summary>
    public void InvalidateGuestPage(Gva address)
    {
        if (!_shadow!.NeedsSync(this, address)) return;
        LeaveGuestMode();
        _shadow!.SyncAddress(this, address);
        ReenterGuestMode();
    }

    /// <summary>
    /// The guest's store of an aligned value to a page of which <see cref="TranslateVirtual"/> said Tracked: done for it, and the shadow of
    /// the table with it. In guest mode on call and on return, outside meanwhile. What is not aligned is stored in pieces.
    /// </summary>
    /// <param name="gpa">guest physical address, a multiple of <paramref name="size"/></param>
    /// <param name="size">1, 2, 4 or 8</param>
    /// <param name="value">its low bytes are stored</param>
    /// <returns>Memory: done; Mmio: there is no memory any more, or it is read-only; Error: the host cannot back it</returns>
    public TranslateStatus WriteTracked(Gpa gpa, int size, ulong value)
    {
        LeaveGuestMode();
        _state->Statistics.TrackedWrites++;
        var status = StoreGuest(new GuestStore { Gpa = gpa, Size = size, Value = value, ByGuest = true }, out _);
        ReenterGuestMode();
        return status;
    }

    /// <summary>
    /// As <see cref="WriteTracked"/>, for atomic instructions: stores <paramref name="value"/> into the aligned word of 8 bytes if it is
    /// <paramref name="expected"/>. An AMO, an SC and the like are made of it, those of 4 bytes too; it always gets on, where
    /// <see cref="Unprotect"/> may not.
    /// </summary>
    /// <param name="gpa">guest physical address, a multiple of 8</param>
    /// <param name="expected">what the word must be</param>
    /// <param name="value">what it becomes then</param>
    /// <param name="found">what it was; equal to <paramref name="expected"/>: stored. Set when the result is Memory</param>
    /// <returns>as <see cref="WriteTracked"/></returns>
    public TranslateStatus CompareExchangeTracked(Gpa gpa, ulong expected, ulong value, out ulong found)
    {
        LeaveGuestMode();
        _state->Statistics.TrackedWrites++;
        var status =
            StoreGuest(new GuestStore { Gpa = gpa, Size = 8, Value = value, Compares = true, Expected = expected, ByGuest = true },
                out found);
        ReenterGuestMode();
        return status;
    }

    /// <summary>
    /// Takes away the shadows of the table at a page of which <see cref="TranslateVirtual"/> said Tracked, so that the access can be tried
    /// again as an ordinary one. That is in vain, for ever, if the access itself goes through that table: whoever cannot exclude that uses
    /// <see cref="WriteTracked"/> and <see cref="CompareExchangeTracked"/>. In guest mode on call and on return.
    /// </summary>
    public void Unprotect(Gpa gpa)
    {
        LeaveGuestMode();
        _shadow!.Unprotect(AddressSpaceId, gpa.Gfn);
        ReenterGuestMode();
    }

    /// <summary>
    /// Reads one aligned word of guest physical memory, for a walk of the guest's tables. Outside guest mode, no lock held; may sleep.
    /// </summary>
    /// <returns>false: there is no memory, or the host cannot back it</returns>
    public bool ReadGuestWord(Gpa gpa, out ulong value)
    {
        value = 0;
        var srcu = EnterSlot(gpa.Gfn, out var slot);
        var there = slot is not null
            && _vm.Memory.Fault(slot.GfnToHva(gpa.Gfn), write: false, out var mapping) == FaultStatus.Ok
            && Read(mapping, gpa, out value);
        _vm.Srcu.ReadUnlock(srcu);
        return there;
    }

    private bool Read(in FrameMapping mapping, Gpa gpa, out ulong value)
    {
        value = Atomics.Read(ref *(ulong*)(_pool.Pointer(mapping.Pfn) + (gpa.PageOffset & ~7UL)));
        _pool.Put(mapping.Pfn);
        return true;
    }

    /// <summary>
    /// Replaces one aligned word of guest physical memory if it is <paramref name="expected"/>, for a walk that sets A and D. As a store of
    /// the guest: logged, decoded code voided, and shadows of the table kept in step. Outside guest mode, no lock held; may sleep.
    /// </summary>
    /// <param name="gpa">guest physical address, a multiple of 8</param>
    /// <param name="expected">what the word must be</param>
    /// <param name="value">what it becomes then</param>
    /// <param name="exchanged">whether it was</param>
    /// <returns>false: there is no memory, it is read-only, or the host cannot back it</returns>
    public bool CompareExchangeGuestWord(Gpa gpa, ulong expected, ulong value, out bool exchanged)
    {
        var done =
            StoreGuest(new GuestStore { Gpa = gpa, Size = 8, Value = value, Compares = true, Expected = expected }, out var found)
            == TranslateStatus.Memory;
        exchanged = done && found == expected;
        return done;
    }

    private struct GuestStore
    {
        public Gpa Gpa;
        public int Size;
        public ulong Value;
        public bool Compares;
        public ulong Expected;
        public bool ByGuest;
    }

    /// <summary>
    /// A store under mmu_lock, so that the shadows of the page, if it holds a table, change with it. Outside guest mode, no lock held; may
    /// sleep.
    /// </summary>
    private TranslateStatus StoreGuest(in GuestStore store, out ulong found)
    {
        found = 0;
        var gfn = store.Gpa.Gfn;
        var srcu = EnterSlot(gfn, out var slot);
        var status = TranslateStatus.Mmio;
        if (slot is { IsReadOnly: false })
        {
            SpinState spin = default;
            for (var retries = 0; !TryStore(slot, gfn, store, retries >= _vm.OptimisticRetries, out status, out found); retries++)
                Cpu.Relax(ref spin);
            if (status == TranslateStatus.Memory && !(store.Compares && found != store.Expected))
                _vm.DirtyLog.MarkPageDirty(slot, gfn, this);
        }
        _vm.Srcu.ReadUnlock(srcu);
        return status;
    }

    private bool TryStore(Memslot slot, Gfn gfn, in GuestStore store, bool pessimistic, out TranslateStatus status, out ulong found)
    {
        found = 0;
        status = TranslateStatus.Error;
        var sequence = _vm.Invalidation.Sequence;
        if (_vm.Memory.Fault(slot.GfnToHva(gfn), write: true, out var mapping) != FaultStatus.Ok) return true;
        _vm.MmuLock.WriteLock();
        // As a store through an SPTE: under mmu_lock no invalidation of the page gets past its start, so that the frame cannot become
        // another's.
        var superseded = Pfn.None;
        var done = pessimistic ? _vm.TryLookUp(slot, gfn, write: true, ref mapping, out superseded)
            : !_vm.Invalidation.RetryGfn(sequence, gfn);
        if (done)
        {
            var offset = (int)store.Gpa.PageOffset;
            // A word replaced by itself is a read: it says nothing about what the page is used for.
            if (Store(_pool.Pointer(mapping.Pfn) + offset, store, out found) && !(store.Compares && store.Value == store.Expected))
            {
                CodeMarks.AfterHostWrite(_pool, mapping.Pfn);
                _shadow!.AfterWrite(slot, gfn, offset, store.Size, store.ByGuest);
            }
            status = TranslateStatus.Memory;
        }
        _vm.MmuLock.WriteUnlock();
        _pool.Put(mapping.Pfn);
        if (!superseded.IsNone) _pool.Put(superseded);
        return done;
    }

    private static bool Store(byte* at, in GuestStore store, out ulong found)
    {
        found = 0;
        if (store.Compares)
        {
            found = Atomics.CompareExchange(ref *(ulong*)at, store.Value, store.Expected);
            return found == store.Expected;
        }
        switch (store.Size)
        {
            case 1: Atomics.Write(ref *at, (byte)store.Value); break;
            case 2: Atomics.Write(ref *(ushort*)at, (ushort)store.Value); break;
            case 4: Atomics.Write(ref *(uint*)at, (uint)store.Value); break;
            default: Atomics.Write(ref *(ulong*)at, store.Value); break;
        }
        return true;
    }

    /// <summary>Enters an SRCU section that finds the slot of a gfn, or none; a slot on its way out is waited for outside of it.</summary>
    private int EnterSlot(Gfn gfn, out Memslot? slot)
    {
        SpinState spin = default;
        for (; ; )
        {
            var srcu = _vm.Srcu.ReadLock();
            slot = _vm.GetMemslots(AddressSpaceId).Find(gfn);
            if (slot is not { IsInvalid: true }) return srcu;
            _vm.Srcu.ReadUnlock(srcu);
            Cpu.Relax(ref spin);
        }
    }
}
