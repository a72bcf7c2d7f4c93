using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>The write fault that needs no lock, in shadow tables.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>
    /// Leaves of direct pages only: their gfn never changes, where one of a guest's table may stand for another page by the time the
    /// exchange succeeds, and the wrong page would be marked.
    /// </summary>
    protected override ulong* FindMmuWritable(ref PageFault fault)
    {
        var spte = FindLeaf(fault.Root, fault.Vcpu.RootLevel, fault.Page, out var seen, out var level);
        if (spte == null || !seen.MmuWritable || !fault.Vcpu.Allows(seen.With(Spte.W), GuestAccess.Write, fault.Mode)) return null;
        var page = PageOf(spte);
        if (!page->Role.Direct) return null;
        fault.Gfn = page->GfnAt(IndexOf(spte), level) + (fault.Page & SpteTable.PagesPerEntry(level) - 1);
        return spte;
    }
}
