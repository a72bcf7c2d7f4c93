using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Warren.Cli.Terminal;
using Warren.Machines;

namespace Warren.Cli.Commands;

/// <summary>The report that <c>--stats</c> prints at exit, on stderr so that stdout stays the command's.</summary>
internal static class StatisticsReport
{
    private sealed record Figure(string Group, string Name, double Value, string Unit = "");

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = false };

    public static void Write(StatisticsFormat format, MachineStatistics statistics)
    {
        if (format == StatisticsFormat.None) return;
        var figures = Figures(statistics).ToList();
        if (format == StatisticsFormat.Json) Console.Error.WriteLine(Json(figures));
        else Print(figures);
    }

    private static string Json(IEnumerable<Figure> figures)
    {
        var root = new JsonObject();
        foreach (var group in figures.GroupBy(f => f.Group))
            root[Key(group.Key)] = new JsonObject(group.Select(f => KeyValuePair.Create<string, JsonNode?>(Key(f.Name), f.Value)));
        return root.ToJsonString(Indented);
    }

    private static string Key(string words)
    {
        var parts = words.Split([' ', '-', '/'], StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(
            parts.Select((p, i) => i == 0 ? p.ToLowerInvariant() : char.ToUpperInvariant(p[0]) + p[1..].ToLowerInvariant()));
    }

    private static void Print(IEnumerable<Figure> figures)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("").AddColumn("").AddColumn(new TableColumn("").RightAligned())
            .HideHeaders();
        var last = "";
        foreach (var f in figures)
        {
            table.AddRow(f.Group == last ? "" : $"[bold]{Markup.Escape(f.Group)}[/]", Markup.Escape(f.Name),
                $"{f.Value:#,0.##} {f.Unit}".TrimEnd());
            last = f.Group;
        }
        Consoles.Error().Write(table);
    }

    private static IEnumerable<Figure> Figures(MachineStatistics s)
    {
        var vcpus = s.Vm.Vcpus;
        var shadow = s.Vm.Mmu.ShadowPagesMade > 0;
        yield return new("guest", "time", s.Elapsed.TotalSeconds, "s");
        yield return new("guest", "instructions", s.Instructions);
        yield return new("guest", "MIPS", s.Instructions / s.Elapsed.TotalSeconds / 1e6);
        yield return new("guest", "exceptions", s.Harts.Sum(h => h.Details.Exceptions));
        yield return new("guest", "interrupts", s.Harts.Sum(h => h.Details.Interrupts));
        yield return new("guest", "SBI calls", s.SbiCalls);
        yield return new("guest", "MMIO accesses", vcpus.MmioAccesses);
        yield return new("translation", "TLB misses", s.Harts.Sum(h => h.Details.TlbMisses));
        yield return new("translation", "TLB flushes", s.Harts.Sum(h => h.Details.TlbFlushes));
        yield return new("translation", "page walks", s.Harts.Sum(h => h.Details.PageWalks));
        yield return new("translation", "blocks decoded", s.Harts.Sum(h => h.Details.BlocksDecoded));
        yield return new("page faults", "mapped 4 KiB", vcpus.FaultsMap);
        yield return new("page faults", "mapped 2 MiB", vcpus.FaultsMapHuge);
        yield return new("page faults", "write protection", vcpus.FaultsWriteProtect);
        yield return new("page faults", "fast", vcpus.FaultsFast);
        yield return new("page faults", "spurious", vcpus.FaultsSpurious);
        yield return new("page faults", "MMIO", vcpus.FaultsMmio);
        yield return new("page faults", "failed", vcpus.FaultsFailed);
        if (shadow) yield return new("page faults", "the guest's own", vcpus.FaultsOfGuest);
        if (shadow) yield return new("page faults", "writes to tables", vcpus.FaultsTracked);
        yield return new("fault retries", "invalidation", vcpus.RetriesInvalidation);
        yield return new("fault retries", "invalid slot", vcpus.RetriesInvalidSlot);
        yield return new("fault retries", "obsolete root", vcpus.RetriesObsoleteRoot);
        yield return new("fault retries", "frozen", vcpus.RetriesFrozen);
        if (shadow) yield return new("fault retries", "guest tables", vcpus.RetriesGuestTables);
        yield return new("SPTEs", "set", vcpus.SptesSet);
        yield return new("SPTEs", "zapped", s.Vm.Mmu.SptesUnmapped + s.Vm.Mmu.SptesZapped);
        if (shadow)
        {
            yield return new("shadow pages", "made", s.Vm.Mmu.ShadowPagesMade);
            yield return new("shadow pages", "zapped", s.Vm.Mmu.ShadowPagesZapped);
            yield return new("shadow pages", "reclaimed", s.Vm.Mmu.ShadowPagesReclaimed);
            yield return new("shadow pages", "write floods", s.Vm.Mmu.WriteFloods);
            yield return new("shadow pages", "let go unsync", s.Vm.Mmu.UnsyncMarked);
            yield return new("shadow pages", "synced", s.Vm.Mmu.PagesSynced);
        }
        yield return new("invalidations", "seen", s.Vm.InvalidationsSeen);
        yield return new("invalidations", "related", s.Vm.InvalidationsRelated);
        yield return new("invalidations", "elided", s.Vm.InvalidationsElided);
        yield return new("vcpus", "remote flushes", s.Vm.RemoteFlushes);
        yield return new("vcpus", "code marks", vcpus.CodeMarks);
        yield return new("memslots", "slots", s.Vm.Memslots);
        yield return new("memslots", "updates", s.Vm.MemslotUpdates);
        yield return new("host memory", "frames in use", s.FramesInUse);
        yield return new("host memory", "demand zero", s.Memory.DemandZeroFaults);
        yield return new("host memory", "huge", s.Memory.HugeFaults);
        yield return new("host memory", "file pages", s.Memory.FileFaults);
        yield return new("host memory", "CoW breaks", s.Memory.CowBreaks);
    }
}
