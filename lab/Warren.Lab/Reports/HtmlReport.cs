using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warren.Lab.Reports;

/// <summary>Texts of a page beside the trace.</summary>
public sealed record HtmlReportOptions
{
    public string Title { get; init; } = "";

    /// <summary>One sentence: what was searched, and what came of it.</summary>
    public string Outcome { get; init; } = "";

    /// <summary>The command line that makes it happen again; the bare replay string when null.</summary>
    public string? ReplayCommand { get; init; }

    /// <summary>Paragraphs on the protocol and its flaw; may be empty.</summary>
    public string Explanation { get; init; } = "";
}

/// <summary>
/// A trace as one page that needs no other file: a column per thread, bars for held locks, details of the step that is chosen.
/// </summary>
public static class HtmlReport
{
    private const int LeastFold = 3;
    private const int LockColours = 8;

    public static string Page(Trace? trace, HtmlReportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var body = new StringBuilder();
        Article(body, trace, options, "h1");
        return HtmlPage.Around(options.Title, body.ToString());
    }

    /// <summary>The part of a page that shows one trace, under a heading of the given level.</summary>
    internal static void Article(StringBuilder html, Trace? trace, HtmlReportOptions options, string heading)
    {
        html.Append("<article>\n<header>\n");
        html.Append(CultureInfo.InvariantCulture, $"<{heading}>{E(options.Title)}</{heading}>\n");
        if (trace?.Verdict is { } verdict)
        {
            html.Append(CultureInfo.InvariantCulture,
                $"<p class=\"verdict bad\"><b>{E(TextReport.KindWords(verdict.Kind))}</b> {E(verdict.Sentence)}</p>\n");
        }
        else if (trace is not null)
        {
            html.Append("<p class=\"verdict good\"><b>nothing wrong</b> in this schedule.</p>\n");
        }
        if (options.Outcome.Length > 0)
        {
            html.Append(CultureInfo.InvariantCulture,
                $"<p class=\"{(trace is null ? "verdict good" : "outcome")}\">{E(options.Outcome)}</p>\n");
        }
        if (trace is not null)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"outcome\">{E(TextReport.Summary(trace))}</p>\n");
        html.Append("</header>\n");
        if (options.Explanation.Length > 0)
            html.Append(CultureInfo.InvariantCulture, $"<pre class=\"explanation\">{E(options.Explanation.Trim())}</pre>\n");
        if (trace is not null)
        {
            if (trace.Steps.Count > 0)
                Steps(html, TraceAnalysis.Of(trace));
            if (trace.Verdict is { Details.Length: > 0 } detailed)
            {
                html.Append(CultureInfo.InvariantCulture,
                    $"<h2>Details of the verdict</h2>\n<pre class=\"details\">{E(detailed.Details.TrimEnd())}</pre>\n");
            }
            if (trace.Replay.Length > 0)
            {
                html.Append(CultureInfo.InvariantCulture,
                    $"<h2>Again</h2>\n<pre class=\"replay\">{E(options.ReplayCommand ?? trace.Replay)}</pre>\n");
            }
        }

        html.Append("</article>\n");
    }

    /// <summary>Text as content or attribute value of an element; what no document may contain becomes '�'.</summary>
    internal static string E(string text)
    {
        var encoded = WebUtility.HtmlEncode(text);
        return encoded.Any(IsForbidden) ? string.Concat(encoded.Select(c => IsForbidden(c) ? '\uFFFD' : c)) : encoded;
    }

    private static bool IsForbidden(char c) =>
        (char.IsControl(c) && c is not ('\n' or '\t')) || char.IsSurrogate(c) || c is '\uFFFE' or '\uFFFF';

    private static void Steps(StringBuilder html, TraceAnalysis analysis)
    {
        var trace = analysis.Trace;
        var locks = trace.Steps.SelectMany(s => s.Held).Distinct().Select((name, i) => (name, i))
            .ToDictionary(p => p.name, p => p.i % LockColours);
        Tools(html, trace, locks);
        html.Append(CultureInfo.InvariantCulture,
            $"<div class=\"scroll\"><table class=\"trace\" style=\"--threads:{trace.Threads.Count}\">\n<thead><tr><th class=\"n\"></th>");
        foreach (var thread in trace.Threads)
            html.Append(CultureInfo.InvariantCulture, $"<th>{E(thread)}</th>");
        html.Append("</tr></thead>\n<tbody>\n");
        for (var i = 0; i < trace.Steps.Count; i++)
        {
            var run = Fold(analysis, i);
            if (run >= LeastFold && (i == 0 || analysis.Relevant[i - 1]))
            {
                html.Append(CultureInfo.InvariantCulture,
                    $"<tr class=\"fold\"><td class=\"n\">⋮</td><td colspan=\"{trace.Threads.Count}\"><button type=\"button\" data-count=\""
                        + $"{run}\">{run} steps</button></td></tr>\n");
            }

            Row(html, analysis, locks, i);
        }

        html.Append("</tbody></table></div>\n");
        html.Append("<aside class=\"step\" hidden=\"hidden\"></aside>\n<script type=\"application/json\" class=\"steps\">")
            .Append(Data(analysis.Trace)).Append("</script>\n");
    }

    private static int Fold(TraceAnalysis analysis, int index)
    {
        var end = index;
        while (end < analysis.Relevant.Count && !analysis.Relevant[end])
            end++;
        return end - index;
    }

    private static void Tools(StringBuilder html, Trace trace, Dictionary<string, int> locks)
    {
        html.Append("<div class=\"tools\"><button type=\"button\" class=\"all\" hidden=\"hidden\">Show all steps</button>");
        foreach (var kind in trace.Steps.Select(StepWords.Kind).Distinct().Order())
            html.Append(CultureInfo.InvariantCulture, $"<span class=\"key {Class(kind)}\">{KindWords(kind)}</span>");
        html.Append("</div>\n");
        if (locks.Count == 0)
            return;
        html.Append("<div class=\"tools\">held: ");
        foreach (var (name, colour) in locks)
            html.Append(CultureInfo.InvariantCulture, $"<span class=\"held\"><i class=\"c{colour}\"></i>{E(name)}</span>");
        html.Append("</div>\n");
    }

    private static void Row(StringBuilder html, TraceAnalysis analysis, Dictionary<string, int> locks, int index)
    {
        var trace = analysis.Trace;
        var step = trace.Steps[index];
        var last = index == trace.Steps.Count - 1 && trace.Verdict is not null;
        var classes = $"s{(analysis.Relevant[index] ? "" : " minor")}"
            + $"{(analysis.PreemptedThread[index] >= 0 ? " preempts" : "")}{(last ? " last" : "")}";
        html.Append(CultureInfo.InvariantCulture,
            $"<tr class=\"{classes}\" data-i=\"{index}\" tabindex=\"-1\"><td class=\"n\">{index + 1}</td>");
        for (var t = 0; t < trace.Threads.Count; t++)
        {
            var lanes = t == step.Thread ? analysis.Lanes[index] : analysis.LanesBetween(t, index);
            var kind = StepWords.Kind(step);
            var failed = t == step.Thread && StepWords.Failed(step) ? " failed" : "";
            html.Append(CultureInfo.InvariantCulture,
                $"<td class=\"{(t == step.Thread ? Class(kind) : "idle")}{failed}\" style=\"--d:{lanes.Count}\">");
            for (var l = 0; l < lanes.Count; l++)
            {
                if (lanes[l].Lock is { } held)
                {
                    html.Append(CultureInfo.InvariantCulture,
                        $"<i class=\"c{locks.GetValueOrDefault(held)}{Class(lanes[l].Change)}\" style=\"--l:{l}\" title=\"{E(held)}\">"
                            + $"</i>");
                }
            }

            if (t == step.Thread)
                Content(html, step);
            else if (analysis.PreemptedThread[index] == t)
                html.Append("<em class=\"preempted\">preempted</em>");
            html.Append("</td>");
        }

        html.Append("</tr>\n");
    }

    private static void Content(StringBuilder html, TraceStep step)
    {
        html.Append(CultureInfo.InvariantCulture, $"<span class=\"op\" title=\"{E(Title(step))}\">{E(StepWords.Sentence(step))}</span>");
        if (step.Source.Length > 0)
            html.Append(CultureInfo.InvariantCulture, $"<span class=\"at\">{E(StepWords.Place(step))}</span>");
        if (step.Note.Length > 0)
            html.Append(CultureInfo.InvariantCulture, $"<span class=\"note\">{E(step.Note)}</span>");
    }

    private static string Title(TraceStep step)
    {
        var held = step.Held.Count > 0 ? $"\nholds {string.Join(", ", step.Held)}" : "";
        return $"{step.Operation}{(step.Source.Length > 0 ? $"\n{step.Source}" : "")}{held}";
    }

    private static string Class(StepKind kind) => "k-" + kind.ToString().ToLowerInvariant();

    private static string Class(LaneChange change) => change switch { LaneChange.Begins => " b", LaneChange.Ends => " e", _ => "" };

    private static string KindWords(StepKind kind) => kind switch
    {
        StepKind.Srcu => "SRCU",
        StepKind.Order => "relax, fence, claim",
        StepKind.Mark => "event",
        _ => kind.ToString().ToLowerInvariant(),
    };

    /// <summary>For the panel of the chosen step. "&lt;" is escaped by the default encoder, so no content can end the element.</summary>
    private static string Data(Trace trace)
    {
        var steps = new JsonArray([.. trace.Steps.Select(s => (JsonNode)new JsonObject
        {
            ["thread"] = s.Thread >= 0 && s.Thread < trace.Threads.Count ? trace.Threads[s.Thread] : "?",
            ["what"] = StepWords.Sentence(s),
            ["operation"] = s.Mode == Locking.LockMode.None ? s.Operation.ToString() : $"{s.Operation} ({s.Mode})",
            ["subject"] = s.Subject,
            ["value"] = $"{s.Value.ToString(CultureInfo.InvariantCulture)} (0x{s.Value:x})",
            ["source"] = s.Source,
            ["held"] = string.Join(", ", s.Held),
            ["note"] = s.Note,
            ["preempts"] = s.Preempted,
        })]);
        return steps.ToJsonString(JsonSerializerOptions.Default);
    }
}
