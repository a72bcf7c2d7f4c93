using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tdp;

/// <summary>
/// Walks the entries of one root over a range of gfns, in order, stepping over what is absent a whole entry of that level at a time.
/// It keeps no table pointer but the last leaf table, and after <see cref="Restart"/> none: a walker that dropped <c>mmu_lock</c> or saw
/// the tables change calls that and goes on behind the last entry it was given. Yield-safe as long as the caller holds a reference on the
/// root.
/// </summary>
internal unsafe struct TdpCursor(SpteTable root, Gfn start, Gfn end)
{
    /// <summary>The cost of coming to a table, in entries: its lines are cold.</summary>
    private const int TableEffort = 8;

    /// <summary>Work without a find after which it stops for a while.</summary>
    private const int PauseEffort = 256;

    private Gfn _next = start;
    private ulong* _leafTable;

    /// <summary>First gfn of the current entry, below the start of the range when a huge leaf reaches into it.</summary>
    public Gfn Gfn { get; private set; }
    public int Level { get; private set; }
    public ulong* Entry { get; private set; }
    /// <summary>The value seen when the cursor came here.</summary>
    public Spte Seen { get; private set; }

    /// <summary>
    /// Nothing was found for a long time: there is no current entry, and the caller may want to drop mmu_lock before it calls again.
    /// </summary>
    public bool IsPause { get; private set; }

    /// <summary>Work done since the caller set it to 0, in entries.</summary>
    public int Effort { get; set; }

    public void Restart() => _leafTable = null;

    /// <summary>Visits the current entry again, for what may stand there now.</summary>
    public void Revisit()
    {
        _next = Gfn;
        Restart();
    }

    /// <summary>Advances to the next leaf that overlaps the range, or pauses.</summary>
    public bool NextLeaf()
    {
        IsPause = false;
        var limit = Effort++ + PauseEffort;
        while (_next < end)
        {
            if (Effort >= limit) return Pause();
            if (_leafTable != null)
            {
                if (ScanLeafTable()) return true;
                continue;
            }
            var table = root.Entries;
            var level = TdpMmu.RootLevel;
            Effort += TableEffort;
            for (; level > 1; level--)
            {
                var entry = table + SpteTable.IndexOf(_next, level);
                var seen = SpteAccess.Read(entry);
                if (seen.IsTable)
                {
                    table = seen.Table;
                    continue;
                }
                Visit(entry, level, seen);
                if (seen.IsLeaf) return true;
                SkipEmpty();
                break;
            }
            if (level == 1) _leafTable = table;
        }
        return false;
    }

    /// <summary>Advances to the next entry of exactly this level that is not empty, whatever it is, or pauses.</summary>
    public bool NextAt(int wanted)
    {
        IsPause = false;
        var limit = Effort++ + PauseEffort;
        while (_next < end)
        {
            if (Effort >= limit) return Pause();
            var table = root.Entries;
            for (var level = TdpMmu.RootLevel; ; level--)
            {
                var entry = table + SpteTable.IndexOf(_next, level);
                var seen = SpteAccess.Read(entry);
                if (level > wanted && seen.IsTable)
                {
                    table = seen.Table;
                    continue;
                }
                Visit(entry, level, seen);
                if (level == wanted && !seen.IsNone) return true;
                Effort += TableEffort;
                SkipEmpty();
                break;
            }
        }
        return false;
    }

    private bool Pause()
    {
        Seen = default;
        IsPause = true;
        return true;
    }

    private void Visit(ulong* entry, int level, Spte seen)
    {
        var span = SpteTable.PagesPerEntry(level);
        Gfn = _next.AlignDown(span);
        Level = level;
        Entry = entry;
        Seen = seen;
        _next = Gfn + span;
    }

    /// <summary>
    /// Behind an empty entry, steps over those that are empty too. Most of a table is, and a walk over all of a guest meets little else.
    /// Entries that are filled meanwhile may be missed, as if they had been filled behind the cursor.
    /// </summary>
    private void SkipEmpty()
    {
        if (!Seen.IsNone) return;
        var index = SpteTable.IndexOf(Gfn, Level) + 1;
        var used = SpteTable.NextUsed(Entry - (index - 1), index);
        _next += (ulong)(used - index) * SpteTable.PagesPerEntry(Level);
    }

    private bool ScanLeafTable()
    {
        do
        {
            var entry = _leafTable + SpteTable.IndexOf(_next, 1);
            Visit(entry, 1, SpteAccess.Read(entry));
            SkipEmpty();
            if (SpteTable.IndexOf(_next, 1) == 0) _leafTable = null;
            if (Seen.IsLeaf) return true;
        }
        while (_leafTable != null && _next < end);
        return false;
    }
}
