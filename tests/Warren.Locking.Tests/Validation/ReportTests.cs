using System.Text.Json;
using System.Xml.Linq;

namespace Warren.Locking.Tests.Validation;

/// <summary>The reports of a violation, as people and programs read them.</summary>
public sealed class ReportTests
{
    private static LockReport Abba(Watched watched, out LockGraph graph)
    {
        var mmu = new RwLock(new LockClass("rep_mmu_lock", WaitContext.Spin));
        var slots = new SpinLock(new LockClass("rep_slots", WaitContext.Spin));
        watched.OneByOne(() => SlotsThenMmu(slots, mmu), () => MmuThenSlots(mmu, slots));
        graph = watched.Validator.Graph;
        return watched.Single(LockReportKind.Cycle);
    }

    private static void SlotsThenMmu(SpinLock slots, RwLock mmu)
    {
        slots.Lock();
        mmu.ReadLock();
        mmu.ReadUnlock();
        slots.Unlock();
    }

    private static void MmuThenSlots(RwLock mmu, SpinLock slots)
    {
        mmu.WriteLock();
        slots.Lock();
        slots.Unlock();
        mmu.WriteUnlock();
    }

    [Fact]
    public void The_text_has_the_thread_both_orders_all_sites_and_the_interleaving()
    {
        using var watched = new Watched();
        var lines = Abba(watched, out _).Text.Split('\n').Select(l => l.TrimEnd()).ToArray();
        Assert.Contains("WARNING: circular lock order", lines);
        Assert.Contains("new order:       rep_mmu_lock --> rep_slots", lines);
        Assert.Contains("existing order:  rep_slots --> rep_mmu_lock", lines);
        Assert.Contains("-> rep_slots --> rep_mmu_lock  {EN}", lines);
        Assert.Contains(" (rep_slots){spin:spin}, spin_lock(rep_slots)", lines);
        Assert.Contains("1 lock held by", lines.Single(l => l.Contains("outermost first", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        // Both sites of both orders, with the line in the source.
        Assert.Contains(lines, l => l.Contains("ReportTests.SlotsThenMmu (ReportTests.cs:", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("ReportTests.MmuThenSlots (ReportTests.cs:", StringComparison.Ordinal));
        // As columns: CPU0 holds what CPU1 wants.
        var at = Array.FindIndex(lines, l => l.Contains("CPU0", StringComparison.Ordinal));
        Assert.Equal(["CPU0", "CPU1"], Words(lines[at]));
        Assert.Equal(["write_lock(rep_mmu_lock)"], Words(lines[at + 2]));
        Assert.Equal(["spin_lock(rep_slots)"], Words(lines[at + 3]));
        Assert.Equal(["read_lock(rep_mmu_lock)"], Words(lines[at + 4]));
        Assert.Equal(["spin_lock(rep_slots)"], Words(lines[at + 5]));
        Assert.Equal(lines[at].IndexOf("CPU1", StringComparison.Ordinal), lines[at + 3].IndexOf("spin_lock", StringComparison.Ordinal));
        Assert.Contains("*** DEADLOCK ***", lines[at + 7], StringComparison.Ordinal);

        static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public void The_json_says_the_same()
    {
        using var watched = new Watched();
        using var json = JsonDocument.Parse(Abba(watched, out var graph).ToJson());
        var root = json.RootElement;
        Assert.Equal("Cycle", root.GetProperty("kind").GetString());
        Assert.Equal("rep_slots", root.GetProperty("wanted").GetProperty("class").GetString());
        Assert.Equal("rep_mmu_lock", root.GetProperty("held")[0].GetProperty("class").GetString());
        Assert.Equal(["rep_mmu_lock", "rep_slots"],
            root.GetProperty("edges").EnumerateArray().Select(e => e.GetProperty("from").GetString()));
        Assert.StartsWith("ReportTests.MmuThenSlots", root.GetProperty("stack")[0].GetString(), StringComparison.Ordinal);

        using var whole = JsonDocument.Parse(graph.ToJson());
        Assert.Equal(2, whole.RootElement.GetProperty("classes").GetArrayLength());
        Assert.Equal(2, whole.RootElement.GetProperty("edges").GetArrayLength());
        Assert.Equal(1, whole.RootElement.GetProperty("reports").GetArrayLength());
        Assert.Equal(4, whole.RootElement.GetProperty("chains").GetInt32());
    }

    [Fact]
    public void The_drawing_is_complete_valid_and_shows_the_violation()
    {
        using var watched = new Watched();
        Abba(watched, out var graph);
        var svg = graph.ToSvg();
        var root = XDocument.Parse(svg).Root!;
        Assert.Equal("svg", root.Name.LocalName);
        var texts = root.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToArray();
        Assert.Contains("rep_mmu_lock", texts);
        Assert.Contains("rep_slots", texts);
        Assert.Single(root.Descendants(), e => e.Name.LocalName == "path" && (string?)e.Attribute("class") == "e v");
        // Nothing from elsewhere.
        Assert.DoesNotContain("href", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("url(http", svg, StringComparison.Ordinal);
    }

    [Fact]
    public void The_drawing_puts_outer_above_inner_and_leaves_out_what_others_imply()
    {
        using var watched = new Watched();
        var locks = new[] { "draw_a", "draw_b", "draw_c" }.Select(n => new SpinLock(new LockClass(n, WaitContext.Spin))).ToArray();
        foreach (var one in locks)
            one.Lock();
        foreach (var one in locks)
            one.Unlock();
        var graph = watched.Validator.Graph;
        Assert.Equal(3, graph.Edges.Count);
        var root = XDocument.Parse(graph.ToSvg()).Root!;
        Assert.Equal(2, root.Descendants().Count(e => e.Name.LocalName == "path" && (string?)e.Attribute("class") == "e"));
        var heights =
            graph.Classes.Select(c => (double)root.Descendants().Single(e => e.Name.LocalName == "text" && e.Value == c.Name)
                .Attribute("y")!).ToArray();
        Assert.Equal(heights.Order(), heights);
        Assert.Equal(3, heights.Distinct().Count());
    }

    [Fact]
    public void An_empty_graph_can_be_drawn() => Assert.NotNull(XDocument.Parse(new LockValidator().Graph.ToSvg()).Root);

    [Fact]
    public void Every_kind_of_report_can_be_printed()
    {
        using var watched = new Watched(new LockValidatorOptions());
        var (spin, mutex) =
            (new SpinLock(new LockClass("all_spin", WaitContext.Spin)), new Mutex(new LockClass("all_mutex", WaitContext.Sleep)));
        spin.Lock();
        mutex.Lock();
        Check.MightWait(WaitContext.Sleep);
        Check.AssertNoneHeld();
        spin.Unlock();
        watched.OneByOne(() => new LockMap(mutex.Class).Leave());
        mutex.Unlock();
        Assert.Equal(
            [LockReportKind.Context, LockReportKind.UndeclaredOrder, LockReportKind.Context, LockReportKind.Leak, LockReportKind.Release],
            watched.Reports.Select(r => r.Kind));
        foreach (var report in watched.Reports)
        {
            Assert.Contains(report.Sentence, report.Text, StringComparison.Ordinal);
            using var json = JsonDocument.Parse(report.ToJson());
            Assert.Equal(report.Sentence, json.RootElement.GetProperty("sentence").GetString());
            Assert.Equal(report.Sentence, report.ToString());
        }
    }

    [Fact]
    public void The_graph_of_the_process_can_be_captured()
    {
        // The process's hook is the tests' router, not a validator: a clear sentence instead of a graph.
        using var watched = new Watched();
        Assert.Contains("No lock validator is installed", Assert.Throws<InvalidOperationException>(LockGraph.Capture).Message,
            StringComparison.Ordinal);
    }
}
