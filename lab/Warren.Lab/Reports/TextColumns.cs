namespace Warren.Lab.Reports;

/// <summary>
/// The steps of a trace as a table with a column per thread, or as a list that names the thread when there is no room for columns.
/// </summary>
internal sealed class TextColumns(TraceAnalysis analysis, int[]? widths, int total, bool fold)
{
    public const string Separator = " ┊ ";
    private const string Preempted = "‹preempted›";
    private const int LongestName = 16;
    private const int LeastFold = 3;

    private readonly Trace _trace = analysis.Trace;
    private readonly int _gutter = GutterWidth(analysis.Trace);

    public static int GutterWidth(Trace trace) =>
        Math.Max(2, trace.Steps.Count.ToString(System.Globalization.CultureInfo.InvariantCulture).Length) + 2;

    public void Write(StyledText text)
    {
        if (widths is not null)
            Header(text);
        for (var i = 0; i < _trace.Steps.Count; i++)
        {
            var skipped = fold ? Skippable(i) : 0;
            if (skipped >= LeastFold)
            {
                text.PadTo(_gutter - 1).Add($"⋮ {TextReport.Count(skipped, "step")}", TextStyle.Dim).Line();
                i += skipped - 1;
            }
            else if (widths is not null)
            {
                Row(text, i);
            }
            else
            {
                ListRow(text, i);
            }
        }
    }

    private int Skippable(int index)
    {
        var end = index;
        while (end < _trace.Steps.Count && !analysis.Relevant[end])
            end++;
        return end - index;
    }

    private void Header(StyledText text)
    {
        text.PadTo(_gutter - Separator.Length + 1);
        var column = _gutter;
        for (var t = 0; t < widths!.Length; t++)
        {
            text.PadTo(column).Add(Separator, TextStyle.Dim).Add(Trim(_trace.Threads[t], widths[t]), TextStyle.Bold);
            column += Separator.Length + widths[t];
        }

        text.Line().Add(new string('─', _gutter + 1), TextStyle.Dim);
        for (var t = 0; t < widths.Length; t++)
            text.Add("┼" + new string('─', widths[t] + (t < widths.Length - 1 ? 2 : 1)), TextStyle.Dim);
        text.Line();
    }

    private void Row(StyledText text, int index)
    {
        var step = _trace.Steps[index];
        var cells = new List<List<(string Text, TextStyle Style)>>[widths!.Length];
        for (var t = 0; t < cells.Length; t++)
        {
            cells[t] = t == step.Thread
                ? Cell(step, analysis.Lanes[index], widths[t])
                : Idle(t, index);
        }

        var height = cells.Max(c => c.Count);
        for (var line = 0; line < height; line++)
        {
            Gutter(text, index, line == 0);
            var column = _gutter;
            for (var t = 0; t < cells.Length; t++)
            {
                text.PadTo(column).Add(Separator, TextStyle.Dim);
                // Below its own lines a cell goes on with what its thread still holds.
                var pieces = line < cells[t].Count ? cells[t][line]
                    : Continued(t == step.Thread ? analysis.Lanes[index] : analysis.LanesBetween(t, index));
                foreach (var (piece, style) in pieces)
                    text.Add(piece, style);
                column += Separator.Length + widths[t];
            }

            text.Line();
        }
    }

    private void ListRow(StyledText text, int index)
    {
        var step = _trace.Steps[index];
        var name = Math.Min(LongestName, _trace.Threads.Max(t => t.Length)) + 2;
        if (analysis.PreemptedThread[index] is >= 0 and var preempted)
            text.PadTo(_gutter).Add(Trim($"‹{Name(preempted)} preempted›", total - _gutter), TextStyle.Preempted).Line();
        var cell = Cell(step, analysis.Lanes[index], total - _gutter - name);
        for (var line = 0; line < cell.Count; line++)
        {
            Gutter(text, index, line == 0);
            text.Add(line == 0 ? Trim(Name(step.Thread), name - 2) : "", TextStyle.Bold).PadTo(_gutter + name);
            foreach (var (piece, style) in cell[line])
                text.Add(piece, style);
            text.Line();
        }
    }

    private string Name(int thread) => thread >= 0 && thread < _trace.Threads.Count ? _trace.Threads[thread] : "?";

    private void Gutter(StyledText text, int index, bool first)
    {
        if (!first)
        {
            text.PadTo(_gutter);
            return;
        }

        var number = (index + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);
        text.PadTo(_gutter - 2 - number.Length).Add(number, TextStyle.Dim);
        if (analysis.PreemptedThread[index] >= 0)
            text.Add(" ▶", TextStyle.Preempted);
        text.PadTo(_gutter);
    }

    private List<List<(string Text, TextStyle Style)>> Idle(int thread, int index)
    {
        var lanes = Continued(analysis.LanesBetween(thread, index));
        if (analysis.PreemptedThread[index] == thread)
            lanes.Add((Preempted, TextStyle.Preempted));
        return [lanes];
    }

    private static List<List<(string Text, TextStyle Style)>> Cell(TraceStep step, IReadOnlyList<Lane> lanes, int width)
    {
        var style = StepWords.Failed(step) ? TextStyle.Bad : StyledText.Of(StepWords.Kind(step));
        var first = LanePieces(lanes, l => l.Change switch { LaneChange.Begins => '┌', LaneChange.Ends => '└', _ => '│' });
        var rest = Continued(lanes);
        var room = Math.Max(8, width - LaneWidth(lanes));
        var rows = new List<List<(string, TextStyle)>>();
        var lines = TextReport.Wrap(StepWords.Sentence(step), room);
        for (var i = 0; i < lines.Count; i++)
            rows.Add([.. i == 0 ? first : rest, (lines[i], style)]);
        var place = StepWords.Place(step);
        if (place.Length > 0)
        {
            var used = lines[^1].Length;
            if (used + 2 + place.Length <= room)
                rows[^1].Add((new string(' ', room - used - place.Length) + place, TextStyle.Dim));
            else
                rows.Add([.. rest, ("  " + TrimStart(place, room - 2), TextStyle.Dim)]);
        }

        if (step.Note.Length > 0)
        {
            rows.AddRange(TextReport.Wrap(step.Note.ReplaceLineEndings(" "), room - 2)
                .Select((l, i) => new List<(string, TextStyle)>([.. rest, ((i == 0 ? "» " : "  ") + l, TextStyle.Wait)])));
        }
        return rows;
    }

    private static List<(string Text, TextStyle Style)> Continued(IReadOnlyList<Lane> lanes) =>
        LanePieces(lanes, l => l.Change == LaneChange.Ends ? ' ' : '│');

    private static List<(string Text, TextStyle Style)> LanePieces(IReadOnlyList<Lane> lanes, Func<Lane, char> draw) =>
        lanes.Count == 0 ? [] : [(string.Concat(lanes.Select(l => l.Lock is null ? ' ' : draw(l))) + " ", TextStyle.Lock)];

    private static int LaneWidth(IReadOnlyList<Lane> lanes) => lanes.Count == 0 ? 0 : lanes.Count + 1;

    private static string Trim(string text, int width) =>
        text.Length <= width ? text : width < 2 ? text[..width] : text[..(width - 1)] + "…";

    /// <summary>The line number matters most.</summary>
    private static string TrimStart(string text, int width) =>
        text.Length <= width ? text : width < 2 ? text[^width..] : "…" + text[^(width - 1)..];
}
