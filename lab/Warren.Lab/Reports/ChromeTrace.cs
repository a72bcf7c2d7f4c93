using System.Text.Json.Nodes;

namespace Warren.Lab.Reports;

/// <summary>
/// A trace in the Trace Event Format that Perfetto and chrome://tracing read: a row per thread, a microsecond per step, locks as spans.
/// </summary>
public static class ChromeTrace
{
    private const int Process = 1;

    public static string Format(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var analysis = TraceAnalysis.Of(trace);
        trace = analysis.Trace;
        var events = new JsonArray
        {
            new JsonObject
                { ["ph"] = "M", ["pid"] = Process, ["name"] = "process_name", ["args"] = new JsonObject { ["name"] = trace.Scenario } },
        };
        for (var t = 0; t < trace.Threads.Count; t++)
        {
            events.Add(new JsonObject
            {
                ["ph"] = "M",
                ["pid"] = Process,
                ["tid"] = t,
                ["name"] = "thread_name",
                ["args"] = new JsonObject { ["name"] = trace.Threads[t] }
            });
        }
        for (var i = 0; i < trace.Steps.Count; i++)
            Step(events, analysis, i);
        if (trace.Verdict is { } verdict)
        {
            events.Add(new JsonObject
            {
                ["ph"] = "i",
                ["s"] = "g",
                ["pid"] = Process,
                ["tid"] = trace.Steps.Count > 0 ? trace.Steps[^1].Thread : 0,
                ["ts"] = trace.Steps.Count,
                ["name"] = $"{TextReport.KindWords(verdict.Kind)}: {verdict.Sentence}",
            });
        }

        return new JsonObject { ["traceEvents"] = events, ["displayTimeUnit"] = "ns" }.ToJsonString(TraceJson.Options);
    }

    private static void Step(JsonArray events, TraceAnalysis analysis, int index)
    {
        var step = analysis.Trace.Steps[index];
        foreach (var lane in analysis.Lanes[index].Where(l => l.Lock is not null && l.Change != LaneChange.None))
        {
            // Asynchronous spans: locks need not be released in the order opposite to their acquisition.
            events.Add(new JsonObject
            {
                ["ph"] = lane.Change == LaneChange.Begins ? "b" : "e",
                ["cat"] = "held",
                ["id"] = $"{step.Thread}/{lane.Lock}",
                ["pid"] = Process,
                ["tid"] = step.Thread,
                ["ts"] = index + (lane.Change == LaneChange.Begins ? 0 : 1),
                ["name"] = $"{lane.Lock} held by {Name(analysis.Trace, step.Thread)}",
            });
        }

        var arguments = new JsonObject { ["step"] = index + 1, ["preempts"] = step.Preempted };
        if (step.Source.Length > 0)
            arguments["source"] = step.Source;
        if (step.Note.Length > 0)
            arguments["note"] = step.Note;
        if (step.Held.Count > 0)
            arguments["held"] = string.Join(", ", step.Held);
        events.Add(new JsonObject
        {
            ["ph"] = "X",
            ["cat"] = StepWords.Kind(step).ToString(),
            ["pid"] = Process,
            ["tid"] = step.Thread,
            ["ts"] = index,
            ["dur"] = 1,
            ["name"] = StepWords.Sentence(step),
            ["args"] = arguments,
        });
    }

    private static string Name(Trace trace, int thread) => thread >= 0 && thread < trace.Threads.Count ? trace.Threads[thread] : "?";
}
