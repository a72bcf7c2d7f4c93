using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Warren.Lab.Reports;

namespace Warren.Lab.Tests.Reports;

public sealed partial class HtmlReportTests
{
    private static readonly HtmlReportOptions Options =
        new()
        {
            Title = SampleTrace.Hostile,
            Outcome = SampleTrace.Hostile,
            ReplayCommand = SampleTrace.Hostile,
            Explanation = SampleTrace.Hostile
        };

    /// <summary>The page is XML but for the contents of style and script, which are taken out.</summary>
    private static XElement Parse(string page) =>
        XElement.Parse(RawElement().Replace(page["<!DOCTYPE html>".Length..], "<$1$2></$1>").TrimStart());

    [GeneratedRegex("<(style|script)([^>]*)>.*?</\\1>", RegexOptions.Singleline)]
    private static partial Regex RawElement();

    [Fact]
    public void Is_well_formed_and_has_a_row_per_step_and_a_column_per_thread()
    {
        var page = Parse(HtmlReport.Page(SampleTrace.Deadlock, new() { Title = "t" }));
        var rows = page.Descendants("tr").Where(r => r.Attribute("data-i") is not null).ToList();
        Assert.Equal(SampleTrace.Deadlock.Steps.Count, rows.Count);
        Assert.All(rows, r => Assert.Equal(1 + SampleTrace.Deadlock.Threads.Count, r.Elements("td").Count()));
        Assert.Equal(2, rows.Count(r => r.Attribute("class")!.Value.Contains("preempts", StringComparison.Ordinal)));
        Assert.Single(rows, r => r.Attribute("class")!.Value.Contains("last", StringComparison.Ordinal));
    }

    [Fact]
    public void Whatever_a_scenario_calls_things_stays_text()
    {
        var html = HtmlReport.Page(SampleTrace.WithHostileText, Options);
        var page = Parse(html);
        var shown = SampleTrace.Hostile.Replace('\u0001', '\uFFFD');
        Assert.Equal(shown, page.Descendants("h1").Single().Value);
        Assert.Contains(page.Descendants("th"), h => h.Value == shown);
        Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(html, "<script"));
        Assert.Equal(2, Regex.Count(html, "</script>"));
    }

    [Fact]
    public void Needs_nothing_from_elsewhere()
    {
        var html = HtmlReport.Page(SampleTrace.Deadlock, new() { Title = "t" });
        Assert.DoesNotMatch("https?:|src=|@import|url\\(", html);
        Assert.DoesNotContain("<link", html, StringComparison.Ordinal);
    }

    [Fact]
    public void The_data_of_the_panel_is_that_of_the_steps()
    {
        var html = HtmlReport.Page(SampleTrace.WithHostileText, Options);
        var data = Regex.Match(html, "class=\"steps\">(.*?)</script>", RegexOptions.Singleline).Groups[1].Value;
        using var json = JsonDocument.Parse(data);
        Assert.Equal(SampleTrace.WithHostileText.Steps.Count, json.RootElement.GetArrayLength());
        Assert.Equal(SampleTrace.Hostile, json.RootElement[0].GetProperty("note").GetString());
    }

    [Fact]
    public void Bars_begin_and_end_with_their_locks()
    {
        var page = Parse(HtmlReport.Page(SampleTrace.Deadlock, new() { Title = "t" }));
        List<XElement> Bars(string name) => [.. page.Descendants("i").Where(i => i.Attribute("title")?.Value == name)];
        Assert.Equal(["c2 b", "c2", "c2", "c2 e"], Bars("mmu_lock#1").Select(b => b.Attribute("class")!.Value));
        Assert.Equal(SampleTrace.Deadlock.Steps.Count - 2, Bars("slots_lock#1").Count);
    }

    [Fact]
    public void Long_stretches_that_do_not_matter_can_be_folded()
    {
        var page = Parse(HtmlReport.Page(SampleTrace.Deadlock, new() { Title = "t" }));
        var fold = page.Descendants("tr").Where(r => r.Attribute("class")?.Value == "fold").ToList();
        Assert.NotEmpty(fold);
        var minor = page.Descendants("tr").Count(r => r.Attribute("class")?.Value.Contains("minor", StringComparison.Ordinal) == true);
        Assert.True(
            fold.Sum(f =>
                int.Parse(f.Descendants("button").Single().Attribute("data-count")!.Value,
                    System.Globalization.CultureInfo.InvariantCulture)) <= minor);
    }

    [Fact]
    public void Without_a_trace_it_says_what_was_searched()
    {
        var page = Parse(HtmlReport.Page(null, new() { Title = "t", Outcome = "Complete for bound 2." }));
        Assert.Contains("Complete for bound 2.", page.Value, StringComparison.Ordinal);
        Assert.Empty(page.Descendants("table"));
    }

    [Fact]
    public void Perfetto_gets_balanced_spans_and_every_step()
    {
        using var json = JsonDocument.Parse(ChromeTrace.Format(SampleTrace.Deadlock));
        var events = json.RootElement.GetProperty("traceEvents").EnumerateArray().ToList();
        Assert.Equal(SampleTrace.Deadlock.Steps.Count, events.Count(e => e.GetProperty("ph").GetString() == "X"));
        var mmu = events.Where(e => e.TryGetProperty("id", out var id) && id.GetString() == "2/mmu_lock#1")
            .Select(e => e.GetProperty("ph").GetString());
        Assert.Equal(["b", "e"], mmu);
    }
}
