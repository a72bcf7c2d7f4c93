using Warren.HostMemory;

namespace Warren.Hypervisor;

#pragma warning disable CS0649, CA1822
/// <summary>Until the files of these members come: <c>.FirstRoot</c>, <c>.Rmap</c>, <c>.DirtyLog</c>, <c>.FastZap</c>, <c>.Audit</c>.</summary>
internal sealed unsafe partial class ShadowMmu
{
    internal const int HashShift = 12;
    private nuint _hash;
    private int _generation;

    public Errno? FirstShadowRoot() => throw new NotSupportedException();
    public override bool UnmapGfnRange(int addressSpaceId, ulong start, ulong end, bool mayBlock) => throw new NotSupportedException();
    public override bool AgeGfnRange(int addressSpaceId, ulong start, ulong end, bool clear) => throw new NotSupportedException();
    internal bool TryAddRmap(Memslot slot, ulong gfn, int level, ulong* spte, ref RmapCache cache, ref bool flush) => throw new NotSupportedException();
    internal void RemoveRmap(int addressSpaceId, ulong gfn, int level, ulong* spte) => throw new NotSupportedException();
    internal bool WriteProtectGfn(Memslot slot, ulong gfn) => throw new NotSupportedException();
    public override void ZapAllFast() => throw new NotSupportedException();
    public override bool WriteProtectMasked(Memslot slot, ulong offset, ulong mask, ref TableCache cache, ref LeafTable at, bool zapHuge) => throw new NotSupportedException();
    public override void CommitMemoryRegion(Memslot? before, Memslot? after, MemslotChange change) => throw new NotSupportedException();
    public override void ForEachLeaf(LeafVisitor visit) => throw new NotSupportedException();
    public override void PeekLeaves(ulong gfn, List<PeekedLeaf> leaves) => throw new NotSupportedException();
    private void FreeHash() { }
}
#pragma warning restore CS0649, CA1822
