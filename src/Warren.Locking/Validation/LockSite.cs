using System.Diagnostics;
using System.Reflection;

namespace Warren.Locking;

/// <summary>
/// Where a lock was taken: the calls that led there, innermost first. Capturing one reads no symbols; lines are looked up when a report is
/// printed.
/// </summary>
internal sealed class LockSite
{
    private const int Depth = 10;
    private static readonly Assembly Primitives = typeof(LockSite).Assembly;

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(MethodBase Method, int Offset), string> Described = new();

    private readonly (MethodBase Method, int Offset)[] _frames;
    private string[]? _lines;

    private LockSite((MethodBase Method, int Offset)[] frames, string? note)
    {
        _frames = frames;
        Note = note;
    }

    /// <summary>Says so when no code was there: "declared", "primed".</summary>
    internal string? Note { get; }

    internal static LockSite Noted(string note) => new([], note);

    internal static LockSite Capture()
    {
        var trace = new StackTrace(1, false);
        var frames = new List<(MethodBase, int)>(Depth);
        // Innermost come the validator and whoever forwards to it (an explorer), then the primitive, then the code that locks.
        var sawPrimitive = false;
        var inside = true;
        for (var i = 0; i < trace.FrameCount && frames.Count < Depth; i++)
        {
            if (trace.GetFrame(i) is not { } frame || frame.GetMethod() is not { } method || IsPlumbing(method.DeclaringType))
                continue;
            if (inside)
            {
                var ours = method.DeclaringType?.Assembly == Primitives;
                var primitive = ours && !IsValidator(method.DeclaringType);
                sawPrimitive |= primitive;
                if (ours || !sawPrimitive)
                    continue;
                inside = false;
            }

            frames.Add((method, frame.GetILOffset()));
        }

        return new LockSite([.. frames], null);
    }

    /// <summary>The calls, innermost first, with file and line where symbols are at hand.</summary>
    internal IReadOnlyList<string> Lines => _lines ??= Note is not null ? [Note] : [.. _frames.Select(f => Describe(f.Method, f.Offset))];

    internal string Where => Lines.Count > 0 ? Lines[0] : "unknown";

    /// <summary>Reflection, task machinery, test runners: who called whom does not show there.</summary>
    private static bool IsPlumbing(Type? type) =>
        type is null || type.Assembly == typeof(object).Assembly || type.Namespace?.StartsWith("Xunit", StringComparison.Ordinal) == true;

    private static bool IsValidator(Type? type) =>
        type is not null && (type == typeof(LockValidator) || type.DeclaringType == typeof(LockValidator));

    /// <summary>Describes a place; one in code that an explorer loads to throw away again must not be remembered here.</summary>
    private static string Describe(MethodBase method, int offset) => method.IsCollectible
        ? Write(method, offset)
        : Described.GetOrAdd((method, offset), static at => Write(at.Method, at.Offset));

    private static string Write(MethodBase method, int offset)
    {
        var type = method.DeclaringType;
        // Lambdas and local functions live in classes of the compiler: name the one the programmer wrote.
        while (type is { DeclaringType: not null } && type.Name.StartsWith('<'))
            type = type.DeclaringType;
        var name = method.Name;
        if (name.StartsWith('<'))
            name = name[1..name.IndexOf('>', StringComparison.Ordinal)] + " (lambda)";
        var typeName = type?.Name ?? "?";
        if (typeName.IndexOf('`', StringComparison.Ordinal) is var tick and > 0)
            typeName = typeName[..tick];
        var text = name == ".ctor" ? $"new {typeName}" : $"{typeName}.{name}";
        return SourceLines.Find(method, offset) is { } line ? $"{text} ({line})" : text;
    }
}
