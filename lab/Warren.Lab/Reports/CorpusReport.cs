using System.Globalization;
using System.Text;

namespace Warren.Lab.Reports;

/// <summary>A run of the corpus as one page: the table, and below it each variant with its flaw and the trace that shows it.</summary>
public static class CorpusReport
{
    public static string Page(CorpusSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        var html = new StringBuilder("<h1>Corpus of broken variants</h1>\n");
        html.Append(CultureInfo.InvariantCulture,
            $"<p class=\"verdict {(summary.IsClean ? "good" : "bad")}\">{HtmlReport.E(string.Join(' ', summary.Sentences))}</p>\n");
        html.Append("<table class=\"figures\"><thead><tr><th>variant</th><th>found</th><th class=\"r\">schedules</th><th "
            + "class=\"r\">preemptions</th><th class=\"r\">time</th></tr></thead>\n<tbody>\n");
        foreach (var result in summary.Results)
            Row(html, result);
        html.Append("</tbody></table>\n");
        foreach (var alarm in summary.Alarms)
            HtmlReport.Article(html, alarm.Failure, new HtmlReportOptions { Title = $"False alarm: {alarm.Scenario}" }, "h2");
        foreach (var result in summary.Results)
            Details(html, result);
        return HtmlPage.Around("corpus", html.ToString());
    }

    private static void Row(StringBuilder html, CorpusResult result)
    {
        var name = HtmlReport.E(result.Variant.Name);
        var found = result.Problem is { } problem ? $"<td class=\"no\">{HtmlReport.E(problem.Split('\n')[0])}</td>"
            : $"<td class=\"yes\">{HtmlReport.E(TextReport.KindWords(result.Kind!.Value))}</td>";
        html.Append(CultureInfo.InvariantCulture,
            $"<tr><td><a href=\"#{name}\">{name}</a></td>{found}<td class=\"r\">{result.Schedules:#,0}</td><td class=\"r\">"
                + $"{(result.Exploration?.Failure is null ? "–" : result.Preemptions)}</td><td class=\"r\">"
                + $"{result.Elapsed.TotalSeconds:0.0} s</td></tr>\n");
    }

    private static void Details(StringBuilder html, CorpusResult result)
    {
        html.Append(CultureInfo.InvariantCulture,
            $"<details id=\"{HtmlReport.E(result.Variant.Name)}\">\n<summary>{HtmlReport.E(result.Variant.Name)}</summary>\n");
        var options = new HtmlReportOptions
        {
            Title = result.Variant.Name,
            Outcome = $"{result.Variant.Origin}. Scenario {result.Variant.ScenarioName}.",
            Explanation = result.Variant.Flaw + Changes(result.Variant),
            ReplayCommand = $"warren lab run {result.Variant.Name} --replay '{result.Replay}'",
        };
        HtmlReport.Article(html, result.Exploration?.Failure, options, "h2");
        html.Append("</details>\n");
    }

    /// <summary>The patches as a reader of changes expects them.</summary>
    internal static string Changes(Variant variant)
    {
        var text = new StringBuilder();
        foreach (var patch in variant.Patches)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n\n{patch.Project}/{patch.File}\n");
            foreach (var line in patch.Anchor.TrimEnd('\n').Split('\n'))
                text.Append("- ").Append(line).Append('\n');
            foreach (var line in patch.Replacement.TrimEnd('\n').Split('\n').Where(l => l.Length > 0))
                text.Append("+ ").Append(line).Append('\n');
        }

        return text.ToString().TrimEnd('\n');
    }
}
