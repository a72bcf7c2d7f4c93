using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Where in the code the calling step was made; slow, for schedules that are recorded for people.</summary>
internal static class CodeSite
{
    private static readonly Assembly Primitives = typeof(Check).Assembly;

    /// <returns>"File.cs:12 Method", without the line where there is no debug information; null when no primitive is on the stack.</returns>
    internal static string? Caller()
    {
        var inside = false;
        foreach (var frame in new StackTrace(1, fNeedFileInfo: true).GetFrames())
        {
            if (frame.GetMethod() is not { DeclaringType: { } type } method)
                continue;
            // Monitors and engine stand above the primitive that called them, the code in question below it.
            if (type.Assembly == Primitives)
                inside = true;
            else if (inside)
                return frame.GetFileName() is { } file
                    ? string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(file)}:{frame.GetFileLineNumber()} {method.Name}")
                    : $"{type.Name}.{method.Name}";
        }

        return null;
    }
}

/// <summary>What threads of a schedule are called.</summary>
internal static class ThreadNames
{
    internal static string Of(Schedule schedule, int index) =>
        index < schedule.Threads.Count ? schedule.Threads[index].Name
        : string.Create(CultureInfo.InvariantCulture, $"callbacks {index - schedule.Threads.Count + 1}");
}
