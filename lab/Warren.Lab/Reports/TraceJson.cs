using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warren.Lab.Reports;

/// <summary>A trace as JSON, for other programs.</summary>
public static class TraceJson
{
    /// <summary>One line, in UTF-8 as it is.</summary>
    public static JsonSerializerOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject ToNode(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new JsonObject
        {
            ["scenario"] = trace.Scenario,
            ["verdict"] = trace.Verdict is { } v
                ? new JsonObject { ["kind"] = v.Kind.ToString(), ["sentence"] = v.Sentence, ["details"] = v.Details } : null,
            ["replay"] = trace.Replay,
            ["preemptions"] = trace.Preemptions,
            ["threads"] = Strings(trace.Threads),
            ["steps"] = new JsonArray([.. trace.Steps.Select(Step)]),
        };
    }

    private static JsonObject Step(TraceStep step)
    {
        var node = new JsonObject
        {
            ["thread"] = step.Thread,
            ["operation"] = step.Operation.ToString(),
            ["mode"] = step.Mode.ToString(),
            ["subject"] = step.Subject,
            ["value"] = step.Value,
            ["succeeded"] = step.Succeeded,
            ["preempted"] = step.Preempted,
            ["held"] = Strings(step.Held),
        };
        if (step.Meaning.Length > 0)
            node["meaning"] = step.Meaning;
        if (step.Stored is { } stored)
            node["stored"] = stored;
        if (step.StoredMeaning.Length > 0)
            node["storedMeaning"] = step.StoredMeaning;
        if (step.Source.Length > 0)
            node["source"] = step.Source;
        if (step.Note.Length > 0)
            node["note"] = step.Note;
        return node;
    }

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)v)]);
}
