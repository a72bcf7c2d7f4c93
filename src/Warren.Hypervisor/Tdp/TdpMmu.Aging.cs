using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tdp;

/// <summary>Access tracking: the A bits of the current roots.</summary>
internal sealed unsafe partial class TdpMmu
{
    public override bool AgeGfnRange(int addressSpaceId, Gfn start, Gfn end, bool clear)
    {
        var young = false;
        _mmuLock.ReadLock();
        SpteTable root = default;
        while (NextRoot(ref root, addressSpaceId, validOnly: true))
        {
            TdpCursor cursor = new(root, start, Gfn.Min(end, VirtualMachine.EndGfn));
            while (cursor.NextLeaf())
            {
                if (clear && !cursor.IsPause) young |= IsYoung(SpteAccess.ClearLeafBits(cursor.Entry, Spte.A));
                else young |= IsYoung(cursor.Seen);
                // What hangs in an obsolete root is freed by holders of mmu_lock for read, and nobody asks for its age.
                if (young && !clear || YieldRead(ref cursor) && IsObsolete(root)) break;
            }
        }
        _mmuLock.ReadUnlock();
        return young;
    }

    private static bool IsYoung(Spte leaf) => leaf.IsLeaf && leaf.Accessed;
}
