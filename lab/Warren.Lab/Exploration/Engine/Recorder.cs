using System.Diagnostics;
using System.Reflection;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Writes down every step of one schedule, with source lines.</summary>
internal sealed class Recorder(Engine engine)
{
    /// <summary>Of a schedule that goes on for ever people need to see a few rounds: so many steps from where the order becomes fair, and so many before the end.</summary>
    private const int FairSteps = 100;

    private readonly List<TraceStep> _steps = [];
    private int _fairAt = -1;
    private int _leftOut;
    private bool _preempted;

    internal IReadOnlyList<TraceStep> Steps => _steps;

    internal int Preemptions { get; private set; }

    /// <summary>The next step is that of a thread chosen although the one before it could have gone on.</summary>
    internal void Preempted()
    {
        _preempted = true;
        Preemptions++;
    }

    internal void Add(Actor actor, in CheckStep step, bool succeeded, string note = "", bool withSource = true)
    {
        var subject = actor.Location >= 0 ? engine.NameOf(actor.Location)
            : step.Mark is { } mark ? (step.Instance is null ? mark.Name : $"{mark.Name} {step.Instance.GetType().Name}")
            : step.Class?.Name ?? "";
        var meaning = actor.Location >= 0 && HasValue(step.Operation) ? engine.MeaningOf(actor.Location, step.Value) : "";
        _steps.Add(new TraceStep(actor.Index, step.Operation, step.Mode, subject, step.Value, succeeded, withSource ? Source() : "", [.. engine.HeldNames(actor)], _preempted, note, meaning));
        _preempted = false;
        Shorten();
    }

    private static bool HasValue(CheckOperation operation) => operation is CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate
        or CheckOperation.PlainRead or CheckOperation.PlainWrite;

    private void Shorten()
    {
        if (engine.Steps < engine.FairFrom)
            return;
        if (_fairAt < 0)
            _fairAt = _steps.Count;
        var cut = _fairAt + FairSteps;
        if (_steps.Count <= cut + FairSteps)
            return;
        _steps.RemoveAt(cut);
        _steps[cut] = _steps[cut] with { Note = $"after {++_leftOut} steps that are left out" };
    }

    internal void Chosen(Actor? actor, string what, int chosen, int count)
    {
        if (actor is null)
            return;
        var note = count == 2 ? $"chosen: {what}: {(chosen == 1 ? "yes" : "no")}" : $"chosen: {what}: {chosen}";
        _steps.Add(new TraceStep(actor.Index, CheckOperation.None, LockMode.None, what, chosen, true, Source(), [.. engine.HeldNames(actor)], false, note));
    }

    /// <summary>The innermost frame that is neither a primitive nor ours.</summary>
    private static string Source()
    {
        var trace = new StackTrace(2, fNeedFileInfo: true);
        foreach (var frame in trace.GetFrames())
        {
            var method = frame.GetMethod();
            var type = method?.DeclaringType;
            if (type is null || IsOurs(type))
                continue;
            var file = Path.GetFileName(frame.GetFileName());
            return file is null ? MethodName(method!) : $"{file}:{frame.GetFileLineNumber()} {MethodName(method!)}";
        }

        return "";
    }

    private static bool IsOurs(Type type) =>
        type.Namespace == typeof(Check).Namespace || type.DeclaringType == typeof(Engine) || type == typeof(Engine) || type == typeof(Recorder) || type == typeof(Schedule)
        || type == typeof(VirtualClock) || type == typeof(VirtualTimer);

    /// <summary>A lambda goes by the name of the method it stands in.</summary>
    private static string MethodName(MethodBase method)
    {
        var name = method.Name;
        if (name.StartsWith('<') && name.IndexOf('>', StringComparison.Ordinal) is > 1 and var end)
            name = name[1..end];
        var type = method.DeclaringType!;
        while (type.DeclaringType is { } outer && type.Name.StartsWith('<'))
            type = outer;
        return $"{type.Name}.{name}";
    }
}
