using System.Runtime.CompilerServices;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tdp;

/// <summary>The write fault that needs no lock, in stage-2 tables.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>Outside guest mode, protected by <see cref="TdpSrcu"/>. Gives W back, or leaves the write to the fault proper.</summary>
    protected override bool TrySettleWrite(ref PageFault fault, out FaultResult result)
    {
        result = FaultResult.Fixed;
        var srcu = TdpSrcu.ReadLock();
        var spte = FindLeaf(fault.Root, fault.Gfn, out _, out _);
        var done = spte != null && TryRestoreWrite(ref fault, spte);
        TdpSrcu.ReadUnlock(srcu);
        if (done) fault.Statistics->FaultsFast++;
        return done;
    }

    protected override ulong* FindMmuWritable(ref PageFault fault)
    {
        fault.Gfn = new Gfn(fault.RootPage);
        var spte = FindLeaf(fault.Root, fault.Gfn, out var seen, out _);
        return spte != null && seen.MmuWritable ? spte : null;
    }

    /// <summary>The leaf that maps gfn, or null; as <see cref="Mmu.FindLeaf"/>, here inside TdpSrcu too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* FindLeaf(SpteTable root, Gfn gfn, out Spte seen, out int level) =>
        FindLeaf(root, RootLevel, gfn.Value, out seen, out level);
}
