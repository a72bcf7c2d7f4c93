using Warren.Hypervisor.Audit;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tdp;

/// <summary>The audit of TDP tables: each root is a tree whose leaves are what slots and host say.</summary>
internal sealed unsafe partial class TdpMmu
{
    /// <inheritdoc/>
    public override void Audit(Auditor audit)
    {
        var tables = 0;
        SpteTable root = default;
        while (NextRoot(ref root, addressSpaceId: -1, validOnly: false)) AuditTable(audit, root, root, RootLevel, default, ref tables);
        audit.Tables += tables;
    }

    private void AuditTable(Auditor audit, SpteTable root, SpteTable table, int level, Gfn gfn, ref int tables)
    {
        tables++;
        var space = root.Info.AddressSpaceId;
        var obsolete = IsObsolete(root);
        string Name() => $"TDP table of level {level} for gfn 0x{gfn:x}";
        if (table.Info.Level != level || table.Info.Gfn != gfn)
            audit.Wrong(Name(), "a record that says so", $"level {table.Info.Level}, gfn 0x{table.Info.Gfn:x}");
        for (var i = SpteTable.NextUsed(table.Entries, 0); i < SpteTable.EntryCount; i = SpteTable.NextUsed(table.Entries, i + 1))
        {
            var at = gfn + (ulong)i * SpteTable.PagesPerEntry(level);
            Spte seen = new(table[i]);
            AuditedEntry place = new(Name, space, i, obsolete);
            if (seen.IsTable && level > 1) AuditTable(audit, root, new SpteTable(seen.Table), level - 1, at, ref tables);
            else if (seen.IsLeaf && seen.IsHuge == level > 1 && level <= 2) audit.Leaf(place, table.Entries + i, at);
            else if (seen.IsMmio && seen.MmioGfn == at) audit.Mmio(place, seen);
            else if (!seen.IsNone && !(seen.IsFrozen && obsolete))
                audit.Wrong(place.ToString(), "an entry that can stand there", seen.ToString());
        }
    }
}
