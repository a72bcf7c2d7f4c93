using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Page tables that map the addresses the guest uses straight to frames, kept in step with the guest's own (KVM's shadow MMU). Each guest
/// table in use has shadow pages, one for each level it is used at; a guest without translation, or a large leaf of the guest, has direct
/// ones.
/// </summary>
/// <remarks>
/// Everything changes with <c>mmu_lock</c> held for write. Two things happen without it: a vCPU in guest mode walks the tables (and sets A
/// and D), and gives W back to a leaf of a direct page. Both are in guest mode, so that a flush, which waits for them, is all that must
/// stand between unlinking a page and freeing it.
/// <para>In step means: an SPTE never allows what the guest's entry did not allow at the guest's last fence for it. A shadowed table is
/// write-protected; a store to it faults, is done under <c>mmu_lock</c>, and its SPTE follows (<c>.Track</c>). Tables of level 1 are let go
/// instead, and read again at the next fence (<c>.Sync</c>).</para>
/// </remarks>
internal sealed unsafe partial class ShadowMmu : Mmu
{
    private readonly RmapPool _rmapPool;
    private readonly ShadowPagePool _pagePool;
    private readonly SlotAliases _aliases;
    private IGuestPageFormat? _format;

    public ShadowMmu(VirtualMachine vm)
        : base(vm)
    {
        _rmapPool = new RmapPool(_pagesLock);
        _pagePool = new ShadowPagePool(_pagesLock);
        _aliases = new SlotAliases(vm);
        Rmaps = new LazyRmaps(vm, Pages);
    }

    /// <summary>The reverse maps of all slots, once there is a root.</summary>
    internal LazyRmaps Rmaps { get; }

    /// <summary>There has been a memslot over memory that another one also had: see <see cref="SlotAliases"/>.</summary>
    internal bool IsAliased => _aliases.Exist;

    /// <summary>The meaning of the guest's entries: all vCPUs agree on it. Set before the first indirect page is made.</summary>
    internal IGuestPageFormat? PageFormat => Atomics.Read(ref _format, this);

    /// <inheritdoc/>
    public override bool TryTopUp(Vcpu vcpu) => vcpu.ShadowCache.TryTopUp(_allocator, _pagePool, _rmapPool);

    /// <inheritdoc/>
    public override void DrainCaches(Vcpu vcpu) => vcpu.ShadowCache.Drain(_allocator, _pagePool, _rmapPool);

    /// <inheritdoc/>
    public override bool AreCachesNew(Vcpu vcpu) => vcpu.ShadowCache.IsNew;

    /// <inheritdoc/>
    public override MmuMetadata Metadata
    {
        get
        {
            var (slots, hash) = Rmaps.Bytes;
            return new MmuMetadata
            {
                Tables = _allocator.Bytes,
                Slots = slots,
                Records = _pagePool.Bytes + _rmapPool.Bytes + hash,
            };
        }
    }

    /// <inheritdoc/>
    public override void PrepareMemoryRegion(Memslot slot)
    {
        Rmaps.Prepare(slot);
        _aliases.Note(slot);
    }

    /// <inheritdoc/>
    public override void FreeMemoryRegion(Memslot slot) => slot.Rmaps?.Dispose();

    /// <summary>The shadow page that an SPTE is in.</summary>
    internal static ShadowPage* PageOf(ulong* spte) => (ShadowPage*)TableAllocator.InfoOf(spte)->ShadowPage;

    /// <summary>An SPTE's place in its page.</summary>
    internal static int IndexOf(ulong* spte) => (int)((nuint)spte & 4095) >> 3;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _mmuLock.WriteLock();
        ZapList zapped = default;
        while (Pages.Oldest != null) PrepareZap(Pages.Oldest, ref zapped);
        CommitZap(ref zapped);
        _mmuLock.WriteUnlock();
        Abandon();
    }

    /// <inheritdoc/>
    internal override void Abandon()
    {
        Pages.FreeHash();
        _rmapPool.Dispose();
        _pagePool.Dispose();
        _allocator.Dispose();
    }
}
