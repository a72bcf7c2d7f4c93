using Warren.Lab.Reports;

namespace Warren.Lab.Tests.Reports;

public sealed class TextReportTests
{
    private static string[] Lines(Trace trace, TextReportOptions? options = null) => TextReport.Format(trace, options).Split('\n');

    [Fact]
    public void Starts_with_the_verdict_and_ends_with_the_way_to_replay_it()
    {
        var lines = Lines(SampleTrace.Deadlock, new() { ReplayCommand = "warren lab run x --replay y" });
        Assert.StartsWith("DEADLOCK: vcpu waits for slots_lock#1", lines[0], StringComparison.Ordinal);
        Assert.Equal("fault-against-delete: 3 threads, 14 steps, 2 preemptions", lines[1]);
        Assert.Equal("Again: warren lab run x --replay y", lines[^2]);
        Assert.Contains("  updater   waits for kvm_srcu#1   (read by vcpu)", lines);
    }

    [Fact]
    public void Every_step_stands_in_the_column_of_its_thread()
    {
        var lines = Lines(SampleTrace.Deadlock);
        var header =
            lines.Single(l =>
                l.Contains("vcpu", StringComparison.Ordinal) && l.Contains("notifier", StringComparison.Ordinal)
                && l.Contains('┊', StringComparison.Ordinal));
        foreach (var (thread, text) in new[]
            { ("vcpu", "srcu read-lock kvm_srcu#1"), ("updater", "write Memslots#1.Active ← 0x7f0012345000"),
                ("notifier", "update InvalidationState#1.InProgress: 0") })
        {
            var row = lines.Single(l => l.Contains(text, StringComparison.Ordinal));
            var cell = header.IndexOf(thread, StringComparison.Ordinal);
            Assert.InRange(row.IndexOf(text, StringComparison.Ordinal) - cell, 0, 4);
            Assert.Equal("┊ ", row.Substring(cell - 2, 2));
        }
    }

    [Fact]
    public void A_lock_is_a_line_from_acquisition_to_release()
    {
        var lines = Lines(SampleTrace.Deadlock);
        Assert.Contains(lines, l => l.Contains("┌ lock mmu_lock#1", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("│┌ try lock frame_pool#1, got it", StringComparison.Ordinal));
        // Released out of order: the inner line goes on beside the end of the outer.
        Assert.Contains(lines, l => l.Contains("└│ unlock mmu_lock#1", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains(" └ unlock frame_pool#1", StringComparison.Ordinal));
        // While the notifier steps, the updater's lock is still drawn.
        Assert.Contains("│", lines.Single(l => l.Contains("┌ lock mmu_lock#1", StringComparison.Ordinal)).Split('┊')[2],
            StringComparison.Ordinal);
    }

    [Fact]
    public void Preemptions_are_marked_on_both_sides()
    {
        var row = Lines(SampleTrace.Deadlock)
            .Single(l => l.Contains("lock slots_lock#1", StringComparison.Ordinal) && l.StartsWith(" 3", StringComparison.Ordinal));
        Assert.Contains('▶', row);
        Assert.Contains("‹preempted›", row.Split('┊')[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(160)]
    public void No_line_of_the_table_is_wider_than_the_terminal(int width)
    {
        var trace = SampleTrace.Deadlock with { Verdict = SampleTrace.Deadlock.Verdict! with { Details = "" }, Replay = "" };
        foreach (var line in Lines(trace, new() { Width = width }))
            Assert.True(line.Length <= width, $"{line.Length} > {width}: {line}");
    }

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(0)]
    public void Every_step_is_there_at_every_width(int width)
    {
        var text =
            string.Concat(Lines(SampleTrace.Deadlock, new() { Width = width }).Select(l => l.Replace(" ", "", StringComparison.Ordinal)));
        foreach (var subject in SampleTrace.Deadlock.Steps.Select(s => s.Subject).Where(s => s.Length is > 0 and < 20))
            Assert.Contains(subject, text, StringComparison.Ordinal);
        Assert.Contains("⋮", string.Concat(Lines(SampleTrace.Deadlock, new() { FoldAbove = 10 })), StringComparison.Ordinal);
        Assert.DoesNotContain("⋮", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Escape_sequences_come_only_with_colours_and_never_from_the_content()
    {
        var hostile = SampleTrace.Deadlock with { Threads = ["a\x1b[31m", "b", "c"] };
        Assert.DoesNotContain('\x1b', TextReport.Format(hostile));
        var coloured = TextReport.Format(hostile, new() { Colours = true });
        Assert.Contains("\x1b[33m", coloured, StringComparison.Ordinal);
        Assert.DoesNotContain("a\x1b[31m", coloured, StringComparison.Ordinal);
    }

    [Fact]
    public void Colours_change_nothing_but_colours()
    {
        var coloured = TextReport.Format(SampleTrace.Deadlock, new() { Colours = true, Width = 100 });
        var plain = System.Text.RegularExpressions.Regex.Replace(coloured, "\x1b\\[[0-9;]*m", "");
        string[] trimmed = [.. plain.Split('\n').Select(l => l.TrimEnd())];
        Assert.Equal(Lines(SampleTrace.Deadlock, new() { Width = 100 }), trimmed);
    }

    [Fact]
    public void A_trace_without_verdict_or_steps_is_a_report_too()
    {
        var empty = new Trace("nothing", [], [], null, "", 0);
        Assert.StartsWith("Nothing wrong in this schedule.", TextReport.Format(empty), StringComparison.Ordinal);
        Assert.StartsWith("Nothing wrong", TextReport.Format(empty, new() { Width = 40, Colours = false }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_thread_without_a_step_takes_no_room()
    {
        var lines = Lines(SampleTrace.Deadlock with { Threads = ["vcpu", "updater", "notifier", "sleeper"] });
        Assert.DoesNotContain(lines, l => l.Contains("sleeper", StringComparison.Ordinal));
        Assert.Contains("4 threads", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_of_threads_without_a_name_are_shown_too()
    {
        var lines = Lines(SampleTrace.Deadlock with { Threads = [] });
        Assert.Contains(lines, l => l.Contains("┊ thread 2", StringComparison.Ordinal));
        Assert.Contains("thread 2", HtmlReport.Page(SampleTrace.Deadlock with { Threads = [] }, new()), StringComparison.Ordinal);
    }
}
