using System.Globalization;
using System.Text;

namespace Warren.Locking;

/// <summary>A report as text: what is wrong, who holds what, which order stands against which, and how it comes to a deadlock.</summary>
internal static class LockReportText
{
    private const int Frames = 5;

    /// <summary>More CPUs than this make no columns that anyone reads.</summary>
    private const int Columns = 6;

    /// <summary>Links of a circle that are printed; all are in the JSON.</summary>
    private const int Links = 24;

    private static readonly string Heavy = new('=', 78);
    private static readonly string Light = new('-', 78);

    internal static string Write(LockReport report)
    {
        var text = new StringBuilder();
        Line(text, Heavy);
        Line(text, $"WARNING: {Headline(report.Kind)}");
        Line(text, Light);
        if (report.Wanted is { } wanted)
        {
            Line(text, $"{report.Thread} wants:");
            Lock(text, wanted);
            if (report.Culprit >= 0)
            {
                Line(text, "while it holds:");
                Lock(text, report.Held[report.Culprit]);
            }
        }
        else
        {
            Line(text, $"{report.Thread}:");
        }

        Line(text);
        Line(text, report.Sentence);
        if (report.Kind == LockReportKind.Cycle)
        {
            Existing(text, report.Edges);
            Interleaving(text, report.Edges);
        }

        Line(text);
        Line(text,
            report.Held.Count == 0 ? $"{report.Thread} holds no lock."
                : $"{report.Held.Count} {(report.Held.Count == 1 ? "lock" : "locks")} held by {report.Thread}, outermost first, each with "
                + $"where its chain was first seen:");
        for (var i = 0; i < report.Held.Count; i++)
        {
            var held = report.Held[i];
            Line(text, $" #{i}: {Name(held)}, {held.Call}{At(held.Stack)}");
        }

        Line(text);
        Line(text, "stack:");
        foreach (var frame in report.Stack)
            Line(text, $"  {frame}");
        Line(text, Heavy);
        return text.ToString();
    }

    private static string Headline(LockReportKind kind) => kind switch
    {
        LockReportKind.Cycle => "circular lock order",
        LockReportKind.Recursion => "recursive locking",
        LockReportKind.Nesting => "two locks of one class, in no declared order",
        LockReportKind.Context => "wait not allowed in this context",
        LockReportKind.Leak => "lock still held",
        LockReportKind.UndeclaredOrder => "undeclared lock order",
        LockReportKind.Release => "lock released that is not held",
        _ => "lock assertion failed",
    };

    private static void Existing(StringBuilder text, IReadOnlyList<LockReportEdge> edges)
    {
        Line(text);
        Line(text, $"new order:       {edges[0].From} --> {edges[0].To}");
        string[] end = edges.Count - 1 > Links ? ["...", edges[0].From] : [edges[0].From];
        Line(text, $"existing order:  {string.Join(" --> ", edges.Skip(1).Take(Links).Select(e => e.From).Concat(end))}");
        foreach (var edge in edges.Skip(1).Take(Links))
        {
            Line(text);
            Line(text, $"-> {edge.From} --> {edge.To}  {{{Short(edge.Kind)}}}");
            Line(text, $"     {edge.Holder} held from:");
            Stack(text, edge.HolderStack);
            Line(text, $"     {edge.Waiter} wanted at:");
            Stack(text, edge.WaiterStack);
        }

        if (edges.Count - 1 > Links)
            Line(text, $"({edges.Count - 1 - Links} more)");
    }

    /// <summary>One column per CPU: each takes its lock, then each waits for the next one's.</summary>
    private static void Interleaving(StringBuilder text, IReadOnlyList<LockReportEdge> edges)
    {
        var columns = new List<(string First, string Then)>();
        var writers = new List<string>();
        for (var i = 0; i < edges.Count; i++)
        {
            var before = edges[(i + edges.Count - 1) % edges.Count];
            columns.Add((edges[i].Holder, edges[i].Waiter));
            // A reader waits for a reader only with a writer queued between them.
            if (before.WaiterIsShared && edges[i].Kind is DependencyKinds.SharedToNonRecursive or DependencyKinds.SharedToRecursive)
            {
                writers.Add(
                    $"{(before.Waiter.StartsWith("down_", StringComparison.Ordinal) ? "down_write" : "write_lock")}({edges[i].From})");
            }
        }

        var count = columns.Count + writers.Count;
        if (count > Columns)
        {
            Line(text);
            Line(text, "how it can deadlock:");
            Line(text);
            for (var i = 0; i < Math.Min(columns.Count, Links); i++)
                Line(text, $"     CPU{i} has {columns[i].First} and waits in {columns[i].Then}");
            if (columns.Count > Links)
                Line(text, $"     ({columns.Count - Links} more)");
            for (var i = 0; i < writers.Count; i++)
                Line(text, $"     CPU{columns.Count + i} waits in {writers[i]}, which holds readers back");
            return;
        }

        var width = columns.SelectMany(c => new[] { c.First, c.Then }).Concat(writers).Max(s => s.Length) + 4;
        Line(text);
        Line(text, "how it can deadlock:");
        Line(text);
        Row(text, width, Enumerable.Range(0, count).Select(i => (i, $"CPU{i}")));
        Row(text, width, Enumerable.Range(0, count).Select(i => (i, "----")));
        for (var i = 0; i < columns.Count; i++)
            Row(text, width, [(i, columns[i].First)]);
        for (var i = 0; i < writers.Count; i++)
            Row(text, width, [(columns.Count + i, writers[i])]);
        for (var i = columns.Count - 1; i >= 0; i--)
            Row(text, width, [(i, columns[i].Then)]);
        Line(text);
        Line(text, "                         *** DEADLOCK ***");
    }

    private static void Row(StringBuilder text, int width, IEnumerable<(int Column, string Text)> cells)
    {
        var line = new StringBuilder("     ");
        foreach (var (column, cell) in cells)
            line.Append(' ', Math.Max(0, 5 + (column * width) - line.Length)).Append(cell);
        Line(text, line.ToString());
    }

    private static void Lock(StringBuilder text, LockReportLock value)
    {
        Line(text, $" {Name(value)}, {value.Call}");
        Stack(text, value.Stack);
    }

    private static void Stack(StringBuilder text, IReadOnlyList<string> stack)
    {
        foreach (var frame in stack.Take(Frames))
            Line(text, $"       {frame}");
    }

    private static string Name(LockReportLock value) =>
        $"({value.Class}){{{Word(value.Context)}:{Word(value.HolderContext)}}}";

    private static string Word(WaitContext context) => context.ToString().ToLowerInvariant();

    private static string At(IReadOnlyList<string> stack) => stack.Count == 0 ? "" : $" at {stack[0]}";

    private static string Short(DependencyKinds kind) => kind switch
    {
        DependencyKinds.ExclusiveToNonRecursive => "EN",
        DependencyKinds.ExclusiveToRecursive => "ER",
        DependencyKinds.SharedToNonRecursive => "SN",
        _ => "SR",
    };

    private static void Line(StringBuilder text, string line = "") => text.Append(CultureInfo.InvariantCulture, $"{line.TrimEnd()}\n");
}
