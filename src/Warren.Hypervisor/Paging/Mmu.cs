using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor.Audit;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tdp;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// The page tables of one VM, as the rest of the VM sees them (<c>kvm_mmu_*</c>): what notifications, memslot updates, the dirty log and
/// vCPUs ask of them whichever way they are kept. A <see cref="MmuKind"/> makes one.
/// </summary>
/// <remarks>
/// A root is a table of <see cref="Spte"/>; a vCPU in guest mode walks it by what is called its root address: a guest physical address
/// under <see cref="TdpMmu"/>, the address that the guest uses under a shadow MMU. gfns are always guest physical.
/// </remarks>
internal abstract unsafe partial class Mmu : IDisposable
{
    /// <summary>
    /// Levels of tables over guest physical addresses of <see cref="SpteTable.AddressBits"/>: a TDP root, or a shadow of no tables.
    /// </summary>
    internal const int DirectLevels = (SpteTable.AddressBits - FramePool.PageShift) / SpteTable.IndexBits;

    protected readonly VirtualMachine _vm;
    protected readonly FramePool _pool;
    protected readonly RwLock _mmuLock;
    protected readonly SpinLock _pagesLock = new(HypervisorLocks.MmuPagesLock);
    protected readonly TableAllocator _allocator;
    protected MmuCounters _counters;

    protected Mmu(VirtualMachine vm)
    {
        _vm = vm;
        _pool = vm.Pool;
        _mmuLock = vm.MmuLock;
        _allocator = new TableAllocator(_pagesLock);
    }

    /// <summary>Where its tables come from.</summary>
    public TableAllocator Allocator => _allocator;

    /// <summary>A copy of the counters; exact when the VM is at rest.</summary>
    public MmuCounters Counters => _counters;

    /// <summary>Memory held; takes no lock.</summary>
    public virtual MmuMetadata Metadata => new() { Tables = _allocator.Bytes };

    /// <summary>
    /// Fills the caches of a vCPU, so that its next fault allocates nothing under mmu_lock. No spinning lock held. False: the host has no
    /// memory.
    /// </summary>
    public abstract bool TryTopUp(Vcpu vcpu);

    /// <summary>Gives back what the caches of a vCPU hold.</summary>
    public abstract void DrainCaches(Vcpu vcpu);

    /// <summary>
    /// True when what the caches of a vCPU hold is as good as new, as what is made of it relies on. For checks: on the vCPU's thread, or
    /// while it does not run.
    /// </summary>
    public abstract bool AreCachesNew(Vcpu vcpu);

    /// <summary>
    /// The root that the vCPU must walk now, with a reference for it; made out of the vCPU's caches, which are full, when there is none. No
    /// spinning lock held. Null: something moved underneath, serve requests and try again.
    /// </summary>
    public abstract SpteTable LoadRoot(Vcpu vcpu);

    /// <summary>Drops a vCPU's reference. No spinning lock held.</summary>
    public abstract void PutRoot(SpteTable root);

    /// <summary>True when nothing may be mapped below the root any more; exact with mmu_lock held, a hint otherwise.</summary>
    public abstract bool IsObsolete(SpteTable root);

    /// <summary>
    /// Removes every leaf that maps a gfn of [<paramref name="start"/>, <paramref name="end"/>) from every table of the address space,
    /// obsolete or not: the frames may be freed right afterwards. Inside the VM's SRCU; mmu_lock held for write, the invalidation counted,
    /// so that nobody maps the range again; the lock is dropped for waiters when <paramref name="mayBlock"/>, behind a flush.
    /// </summary>
    /// <remarks>
    /// The slots of the range are those published now: who found a slot before it took mmu_lock may hold an older object for it.
    /// </remarks>
    /// <returns>whether remote TLBs must be flushed before mmu_lock is dropped</returns>
    public abstract bool UnmapGfnRange(int addressSpaceId, Gfn start, Gfn end, bool mayBlock);

    /// <summary>
    /// True when any leaf over the range was accessed since its A bit was last cleared; clears them too when asked. No invalidation is
    /// counted. A vCPU that still has the translation cached sets no new A until its TLB is flushed, as on hardware. Takes mmu_lock.
    /// </summary>
    public abstract bool AgeGfnRange(int addressSpaceId, Gfn start, Gfn end, bool clear);

    /// <summary>
    /// Takes W (and D) from the pages of a 64-page chunk whose bit is set, splitting huge leaves. mmu_lock held for write; the caller
    /// flushes after it whenever any bit was set, also when no SPTE changed: another protector may have changed it and not have flushed
    /// yet.
    /// </summary>
    /// <param name="slot">the logged memslot</param>
    /// <param name="offset">first page of the chunk, relative to the slot</param>
    /// <param name="mask">bit i: page offset + i</param>
    /// <param name="cache">for splits, filled by <see cref="TryTopUpSplits"/></param>
    /// <param name="at">where the chunk before was found; default at the start of each section of mmu_lock</param>
    /// <param name="zapHuge">there are no tables to be had: drop huge leaves instead of splitting them</param>
    /// <returns>false when the cache ran out: top it up without the lock, and call again</returns>
    public abstract bool WriteProtectMasked(Memslot slot, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at, bool zapHuge);

    /// <summary>Fills what huge leaves are split with. SlotsLock held, no spinning lock. False: the host has no memory.</summary>
    public virtual bool TryTopUpSplits(ref TableCache cache) => cache.TryTopUp(_allocator);

    /// <summary>Gives back what is left of it. SlotsLock held.</summary>
    public virtual void DrainSplits(ref TableCache cache) => cache.Drain(_allocator);

    /// <summary>
    /// Makes what the MMU keeps for a slot that is about to be published (<see cref="Memslot.Rmaps"/>; a change of flags has handed it over
    /// already). SlotsArchLock held.
    /// </summary>
    /// <exception cref="MemslotException">ENOMEM; nothing is kept</exception>
    public virtual void PrepareMemoryRegion(Memslot slot)
    {
    }

    /// <summary>
    /// Frees what <see cref="PrepareMemoryRegion"/> made, and nobody else has: the slot was never published, or is gone for a grace period
    /// with all that mapped it, or the VM ends.
    /// </summary>
    public virtual void FreeMemoryRegion(Memslot slot)
    {
    }

    /// <summary>
    /// Called with each new memslot generation: the bits an MMIO entry keeps have wrapped when they read so, and entries of
    /// 2^<see cref="Spte.MmioGenerationBits"/> updates ago would be believed again. SlotsLock held, the generation not published yet.
    /// </summary>
    public void OnMemslotGeneration(ulong generation)
    {
        if ((generation & Spte.MmioGenerationMask) < (ulong)_vm.Options.AddressSpaces) ZapAllFast();
    }

    /// <summary>Visits every leaf of every table, for checks. Takes mmu_lock.</summary>
    public abstract void ForEachLeaf(LeafVisitor visit);

    /// <summary>
    /// Adds every leaf that maps <paramref name="gfn"/>, obsolete or not, to the list; no step and no lock: for checks while every thread
    /// stands still.
    /// </summary>
    public abstract void PeekLeaves(Gfn gfn, List<PeekedLeaf> leaves);

    /// <summary>Compares all that there is with what it must be. mmu_lock held for write, inside SRCU.</summary>
    public abstract void Audit(Auditor audit);

    /// <summary>Frees every table. No vCPU, notifier or ioctl may be active any more, and every vCPU has put its root.</summary>
    public abstract void Dispose();

    /// <summary>
    /// Gives the native memory back as things stand, and takes no step and no lock: for an explorer that stopped threads in the middle.
    /// </summary>
    internal virtual void Abandon() => _allocator.Dispose();

    /// <summary>
    /// The leaf that maps a page, or null. In guest mode, inside what else keeps tables from being freed, or with mmu_lock held: for read
    /// only from a root that is not obsolete.
    /// </summary>
    /// <param name="root">where to start</param>
    /// <param name="rootLevel">its level, 1..5</param>
    /// <param name="rootPage">root address without the 12 bits of the offset</param>
    /// <param name="seen">the last entry read, whatever it is</param>
    /// <param name="level">where it stands</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* FindLeaf(SpteTable root, int rootLevel, ulong rootPage, out Spte seen, out int level)
    {
        var table = root.Entries;
        for (level = rootLevel; ; level--)
        {
            var entry = table + SpteTable.IndexOf(rootPage, level);
            seen = SpteAccess.Read(entry);
            if (seen.IsLeaf) return entry;
            if (!seen.IsTable) return null;
            table = seen.Table;
        }
    }
}

/// <param name="addressSpaceId">address space of the gfn</param>
/// <param name="valid">it hangs in nothing obsolete</param>
/// <param name="gfn">first gfn the leaf maps</param>
/// <param name="spte">what stands there</param>
internal delegate void LeafVisitor(int addressSpaceId, bool valid, Gfn gfn, Spte spte);

/// <param name="Spte">for one page: that of a huge leaf is split</param>
/// <param name="Obsolete">it hangs in an obsolete root</param>
internal readonly record struct PeekedLeaf(Spte Spte, bool Obsolete);
