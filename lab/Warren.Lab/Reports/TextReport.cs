namespace Warren.Lab.Reports;

/// <summary>How <see cref="TextReport"/> is to look.</summary>
public sealed record TextReportOptions
{
    /// <summary>Characters a line, at least 40; 0 for as many as the content wants.</summary>
    public int Width { get; init; }

    /// <summary>True when to use the escape sequences of a terminal.</summary>
    public bool Colours { get; init; }

    /// <summary>The command line that makes it happen again; the bare replay string when null.</summary>
    public string? ReplayCommand { get; init; }

    /// <summary>Fold stretches of steps that do not bear on the verdict when there are more steps than this.</summary>
    public int FoldAbove { get; init; } = int.MaxValue;

    /// <summary>True when the verdict's details are printed.</summary>
    public bool Details { get; init; } = true;
}

/// <summary>
/// A trace as text: the verdict, one column per thread in the order of time, the verdict's details, how to replay it. In a column a lock is
/// a line from its acquisition (┌) to its release (└); ▶ marks a step before which another thread was preempted.
/// </summary>
public static class TextReport
{
    private const int LeastWidth = 40;
    private const int GreatestColumn = 76;
    private const int LeastColumn = 22;

    public static string Format(Trace trace, TextReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        options ??= new TextReportOptions();
        var width = options.Width <= 0 ? int.MaxValue : Math.Max(LeastWidth, options.Width);
        var text = new StyledText(options.Colours);
        Verdict(text, trace, width);
        foreach (var line in Wrap(Summary(trace), width))
            text.Add(line, TextStyle.Dim).Line();
        if (trace.Steps.Count > 0)
        {
            text.Line();
            var analysis = TraceAnalysis.Of(trace);
            var table = new TextColumns(analysis, ColumnWidths(analysis.Trace, width), width, trace.Steps.Count > options.FoldAbove);
            table.Write(text);
        }

        if (options.Details && trace.Verdict is { Details.Length: > 0 } verdict)
        {
            text.Line();
            foreach (var line in verdict.Details.TrimEnd().Split('\n'))
                text.Add("  ").Add(line.TrimEnd().Replace("\t", "    ", StringComparison.Ordinal)).Line();
        }

        if (trace.Replay.Length > 0)
            text.Line().Add("Again: ", TextStyle.Bold).Add(options.ReplayCommand ?? trace.Replay).Line();
        return text.ToString();
    }

    /// <summary>"2 threads, 31 steps, 1 preemption".</summary>
    public static string Summary(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return $"{trace.Scenario}: {Count(trace.Threads.Count, "thread")}, {Count(trace.Steps.Count, "step")}, "
            + $"{Count(trace.Preemptions, "preemption")}";
    }

    /// <summary>"a deadlock", "a data race": the kind within a sentence.</summary>
    public static string KindWords(VerdictKind kind) => kind switch
    {
        VerdictKind.Invariant => "broken invariant",
        VerdictKind.Exception => "exception",
        VerdictKind.LostWakeUp => "lost wake-up",
        VerdictKind.LockLeak => "lock leak",
        VerdictKind.LockOrder => "lock order",
        VerdictKind.SleepInAtomic => "sleep in atomic",
        VerdictKind.UseAfterFree => "use after free",
        VerdictKind.UnbalancedNotification => "unbalanced notification",
        VerdictKind.TornRead => "torn read",
        VerdictKind.DataRace => "data race",
        VerdictKind.Scenario => "scenario at fault",
        _ => kind.ToString().ToLowerInvariant(),
    };

    internal static string Count(long count, string what) => $"{count:#,0} {what}{(count == 1 ? "" : "s")}";

    /// <summary>
    /// Words of <paramref name="text"/> in lines of at most <paramref name="width"/>; longer words are cut, after a dot where there is one.
    /// </summary>
    internal static List<string> Wrap(string text, int width)
    {
        var lines = new List<string>();
        var line = "";
        foreach (var part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var word = part;
            if (line.Length > 0 && line.Length + 1 + word.Length <= width)
            {
                line += " " + word;
                continue;
            }

            if (line.Length > 0)
                lines.Add(line);
            while (word.Length > width)
            {
                var dot = word.LastIndexOf('.', width - 1) + 1;
                var cut = dot > width / 3 ? dot : width;
                lines.Add(word[..cut]);
                word = word[cut..];
            }

            line = word;
        }

        if (line.Length > 0 || lines.Count == 0)
            lines.Add(line);
        return lines;
    }

    private static void Verdict(StyledText text, Trace trace, int width)
    {
        if (trace.Verdict is not { } verdict)
        {
            text.Add("Nothing wrong", TextStyle.Good).Add(" in this schedule.").Line();
            return;
        }

        var kind = KindWords(verdict.Kind).ToUpperInvariant();
        var lines = Wrap($"{kind}: {verdict.Sentence.ReplaceLineEndings(" ")}", width);
        text.Add(lines[0][..Math.Min(kind.Length, lines[0].Length)], TextStyle.Bad).Add(lines[0][Math.Min(kind.Length, lines[0].Length)..])
            .Line();
        foreach (var line in lines.Skip(1))
            text.Add(line).Line();
    }

    /// <summary>
    /// Each column as its content wants; the widest are narrowed first when the line is too short. Null: too narrow for columns.
    /// </summary>
    private static int[]? ColumnWidths(Trace trace, int width)
    {
        var wanted = new int[trace.Threads.Count];
        for (var t = 0; t < wanted.Length; t++)
            wanted[t] = Math.Max(trace.Threads[t].Length, "‹preempted›".Length + 4);
        foreach (var step in trace.Steps.Where(s => s.Thread >= 0 && s.Thread < wanted.Length))
        {
            var place = StepWords.Place(step);
            var length = step.Held.Count + 2 + StepWords.Sentence(step).Length + (place.Length > 0 ? place.Length + 2 : 0);
            wanted[step.Thread] = Math.Max(wanted[step.Thread], Math.Min(GreatestColumn, length));
        }

        if (width == int.MaxValue)
            return wanted;
        var room = width - TextColumns.GutterWidth(trace) - (TextColumns.Separator.Length * wanted.Length);
        if (room < wanted.Length * LeastColumn)
            return null;
        while (wanted.Sum() > room)
        {
            var widest = Array.IndexOf(wanted, wanted.Max());
            wanted[widest]--;
        }

        return wanted;
    }
}
