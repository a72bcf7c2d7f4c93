using System.Text;
using System.Text.Json;

namespace Warren.Locking;

internal static class LockReportJson
{
    internal static string Write(LockReport report)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
            Write(report, writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    internal static void Write(LockReport report, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("kind", report.Kind.ToString());
        writer.WriteString("sentence", report.Sentence);
        writer.WriteString("thread", report.Thread);
        if (report.Wanted is { } wanted)
        {
            writer.WritePropertyName("wanted");
            Lock(writer, wanted);
        }

        writer.WriteStartArray("held");
        foreach (var held in report.Held)
            Lock(writer, held);
        writer.WriteEndArray();
        if (report.Culprit >= 0)
            writer.WriteNumber("culprit", report.Culprit);
        writer.WriteStartArray("edges");
        foreach (var edge in report.Edges)
        {
            writer.WriteStartObject();
            writer.WriteString("from", edge.From);
            writer.WriteString("to", edge.To);
            writer.WriteString("kind", edge.Kind.ToString());
            writer.WriteString("holder", edge.Holder);
            Strings(writer, "holderStack", edge.HolderStack);
            writer.WriteString("waiter", edge.Waiter);
            Strings(writer, "waiterStack", edge.WaiterStack);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        Strings(writer, "stack", report.Stack);
        writer.WriteEndObject();
    }

    private static void Lock(Utf8JsonWriter writer, LockReportLock value)
    {
        writer.WriteStartObject();
        writer.WriteString("class", value.Class);
        writer.WriteString("call", value.Call);
        writer.WriteString("context", value.Context.ToString());
        writer.WriteString("holderContext", value.HolderContext.ToString());
        Strings(writer, "stack", value.Stack);
        writer.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (var value in values)
            writer.WriteStringValue(value);
        writer.WriteEndArray();
    }
}
