using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tdp;

/// <summary>Looking at all roots there are, for checks.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>
    /// The next root of the list, valid or not, or null; no step and no lock: for checks while every thread stands still.
    /// </summary>
    internal SpteTable PeekRootAfter(SpteTable root) => FindRootLocked(root, addressSpaceId: -1, validOnly: false);

    public override void PeekLeaves(Gfn gfn, List<PeekedLeaf> leaves)
    {
        for (var root = PeekRootAfter(default); !root.IsNull; root = PeekRootAfter(root))
        {
            if (PeekLeaf(root, gfn) is { IsLeaf: true } leaf) leaves.Add(new(leaf, root.Info.Invalid != 0));
        }
    }

    private static Spte PeekLeaf(SpteTable root, Gfn gfn)
    {
        var table = root.Entries;
        for (var level = RootLevel; ; level--)
        {
            Spte entry = new(table[SpteTable.IndexOf(gfn, level)]);
            if (entry.IsLeaf) return entry.IsHuge ? entry.SplitPage(SpteTable.IndexOf(gfn, 1)) : entry;
            if (!entry.IsTable) return default;
            table = entry.Table;
        }
    }

    public override void ForEachLeaf(LeafVisitor visit)
    {
        // For write: holders for read free what hangs in obsolete roots.
        _mmuLock.WriteLock();
        SpteTable root = default;
        while (NextRoot(ref root, addressSpaceId: -1, validOnly: false))
        {
            TdpCursor cursor = new(root, default, VirtualMachine.EndGfn);
            while (cursor.NextLeaf())
            {
                if (!cursor.IsPause) visit(root.Info.AddressSpaceId, !IsObsolete(root), cursor.Gfn, cursor.Seen);
            }
        }
        _mmuLock.WriteUnlock();
    }
}
