using Warren.Hypervisor.Paging;
using Warren.Locking;

namespace Warren.Hypervisor.Tdp;

/// <summary>Removing SPTEs: a gfn range for a notification, a whole root after it became obsolete.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <summary>The cost of giving up a table, in entries: a lock, and a cold line.</summary>
    private const int RetireEffort = 4;

    public override bool UnmapGfnRange(int addressSpaceId, Gfn start, Gfn end, bool mayBlock)
    {
        var flush = false;
        end = Gfn.Min(end, VirtualMachine.EndGfn);
        SpteTable root = default;
        while (NextRoot(ref root, addressSpaceId, validOnly: false))
        {
            TdpCursor cursor = new(root, start, end);
            while (cursor.NextLeaf())
            {
                if (!cursor.IsPause)
                {
                    SpteAccess.Exchange(cursor.Entry, default);
                    _counters.SptesUnmapped++;
                    // Once vCPUs have let go of it an obsolete root is out of their reach, and nothing is owed.
                    flush |= !IsObsolete(root) || Shared.Read(ref _obsoleteInUse, this) != 0;
                }
                if (mayBlock) YieldWrite(ref cursor, ref flush);
            }
        }
        return flush;
    }

    /// <summary>
    /// Empties an invalid root, lowest level first so that each pass does small work between two yields and a table is empty when it is
    /// unlinked. Nothing is flushed: no vCPU in guest mode can reach it, and nobody maps into it. mmu_lock held for read, and the caller's
    /// reference.
    /// </summary>
    private void ZapRoot(SpteTable root, ref long since)
    {
        var work = 0;
        for (var level = 1; level <= RootLevel; level++)
        {
            TdpCursor cursor = new(root, default, VirtualMachine.EndGfn);
            while (cursor.NextAt(level))
            {
                if (!cursor.IsPause)
                {
                    var old = SpteAccess.Exchange(cursor.Entry, default);
                    if (old.IsTable)
                    {
                        _allocator.Retire(new(old.Table));
                        _counters.TablesZapped++;
                        cursor.Effort += RetireEffort;
                    }
                    _counters.SptesZapped++;
                }
                BreakRead(ref cursor, ref work, ref since);
            }
        }
    }
}
