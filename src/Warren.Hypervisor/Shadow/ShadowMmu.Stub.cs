namespace Warren.Hypervisor;

#pragma warning disable CS0649
/// <summary>Until the files of these members come: <c>.DirtyLog</c>, <c>.FastZap</c>.</summary>
internal sealed unsafe partial class ShadowMmu
{
    private int _generation;

    public override void ZapAllFast()
    {
        _mmuLock.WriteLock();
        ZapList zapped = default;
        while (OldestPage != null) PrepareZap(OldestPage, ref zapped);
        CommitZap(ref zapped);
        _mmuLock.WriteUnlock();
    }

    public override bool WriteProtectMasked(Memslot slot, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at, bool zapHuge) => throw new NotSupportedException();
    public override void CommitMemoryRegion(Memslot? before, Memslot? after, MemslotChange change)
    {
    }
}
#pragma warning restore CS0649
