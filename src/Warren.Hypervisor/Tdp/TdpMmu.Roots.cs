using System.Diagnostics;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Tdp;

/// <summary>Roots: one valid root a role (memslot address space), shared by the vCPUs; invalid ones linger until zapped and put.</summary>
internal sealed unsafe partial class TdpMmu
{
    private nuint _roots;
    private int _mmioTables;

    /// <summary>
    /// Not 0 from the moment roots became obsolete until every vCPU has let go of them: what is unmapped from them must be flushed like
    /// anything else. Changed with mmu_lock held, for write or by the only zapper; read with it held for write.
    /// </summary>
    private int _obsoleteInUse;

    /// <summary>The list of roots, newest first, invalid ones included; under MmuPagesLock.</summary>
    private ulong* Roots
    {
        get => (ulong*)Shared.Read(ref _roots, this);
        set => Shared.Write(ref _roots, (nuint)value, this);
    }

    /// <summary>
    /// The valid root of the address space, with a reference for the caller; allocated from the vCPU's cache when there is none, with a
    /// second reference that belongs to the TDP MMU until the root is invalidated and zapped. No spinning lock held.
    /// </summary>
    public override SpteTable LoadRoot(Vcpu vcpu)
    {
        var addressSpaceId = vcpu.AddressSpaceId;
        _mmuLock.ReadLock();
        _pagesLock.Lock();
        var root = FindRootLocked(default, addressSpaceId, validOnly: true);
        if (root.IsNull)
        {
            root = vcpu.TableCache.Pop();
            ref var info = ref root.Info;
            info.Level = RootLevel;
            info.AddressSpaceId = addressSpaceId;
            root.RootCount = 1;
            root.Next = Roots;
            Roots = root.Entries;
            _counters.RootsAllocated++;
        }
        root.RootCount++;
        _pagesLock.Unlock();
        _mmuLock.ReadUnlock();
        return root;
    }

    /// <summary>Drops a reference; the last one retires the root, which is empty by then.</summary>
    public override void PutRoot(SpteTable root)
    {
        _pagesLock.Lock();
        PutRootLocked(root);
        _pagesLock.Unlock();
    }

    public override bool IsObsolete(SpteTable root) => Atomics.Read(ref root.Info.Invalid) != 0;

    /// <summary>
    /// Makes every root obsolete; mmu_lock held for write. Says whether there was a valid one. vCPUs in guest mode may still be in them.
    /// </summary>
    internal override bool InvalidateAll()
    {
        var any = false;
        _pagesLock.Lock();
        for (var root = Roots; root != null; root = new SpteTable(root).Next)
        {
            var info = TableAllocator.InfoOf(root);
            if (info->Invalid != 0) continue;
            Atomics.Write(ref info->Invalid, 1);
            new SpteTable(root).ScheduledZap = true;
            _counters.RootsInvalidated++;
            any = true;
        }
        if (any)
        {
            Shared.Write(ref _obsoleteInUse, 1, this);
            _counters.TablesAtToggle += _allocator.InUse;
        }
        Atomics.Write(ref _mmioTables, 0, this);
        _pagesLock.Unlock();
        return any;
    }

    /// <summary>
    /// Empties the invalidated roots, gives back the TDP MMU's reference on each, and frees the tables. SlotsLock held: one zapper at a
    /// time; every vCPU has let go.
    /// </summary>
    internal override void ZapObsolete()
    {
        _mmuLock.ReadLock();
        var since = Stopwatch.GetTimestamp();
        Shared.Write(ref _obsoleteInUse, 0, this);
        SpteTable root = default;
        while (NextRoot(ref root, addressSpaceId: -1, validOnly: false))
        {
            if (!root.ScheduledZap) continue;
            ZapRoot(root, ref since);
            root.ScheduledZap = false;
            PutRoot(root);
        }
        NoteHold(since);
        _mmuLock.ReadUnlock();
        _allocator.Reclaim(TdpSrcu);
    }

    /// <summary>
    /// Steps to the next root, taking a reference on it and dropping the one on <paramref name="root"/>; a root held that way stays on the
    /// list, so mmu_lock may be dropped in between. mmu_lock held. A caller that stops early puts the root it holds.
    /// </summary>
    /// <param name="root">null to start</param>
    /// <param name="addressSpaceId">-1: every address space</param>
    /// <param name="validOnly">false for whoever must reach every SPTE, as a notification must</param>
    private bool NextRoot(ref SpteTable root, int addressSpaceId, bool validOnly)
    {
        _pagesLock.Lock();
        var next = FindRootLocked(root, addressSpaceId, validOnly);
        if (!next.IsNull) next.RootCount++;
        if (!root.IsNull) PutRootLocked(root);
        _pagesLock.Unlock();
        root = next;
        return !next.IsNull;
    }

    /// <summary>
    /// The valid root of the address space, or null. mmu_lock held for write: until it is dropped the root stays valid, and the TDP MMU's
    /// own reference keeps it.
    /// </summary>
    private SpteTable ValidRoot(int addressSpaceId)
    {
        _pagesLock.Lock();
        var root = FindRootLocked(default, addressSpaceId, validOnly: true);
        _pagesLock.Unlock();
        return root;
    }

    private SpteTable FindRootLocked(SpteTable after, int addressSpaceId, bool validOnly)
    {
        for (var root = after.IsNull ? Roots : after.Next; root != null; root = new SpteTable(root).Next)
        {
            var info = TableAllocator.InfoOf(root);
            if ((addressSpaceId < 0 || info->AddressSpaceId == addressSpaceId) && !(validOnly && info->Invalid != 0)) return new(root);
        }
        return default;
    }

    private void PutRootLocked(SpteTable root)
    {
        if (--root.RootCount != 0) return;
        SpteTable before = default;
        for (var at = Roots; at != root.Entries; at = before.Next) before = new(at);
        if (before.IsNull) Roots = root.Next;
        else before.Next = root.Next;
        _allocator.RetireLocked(root);
    }
}
