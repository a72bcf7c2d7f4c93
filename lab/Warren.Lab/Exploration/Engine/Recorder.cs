using System.Diagnostics;
using System.Reflection;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Writes down every step of one schedule, with source lines.</summary>
internal sealed class Recorder(ScheduleState state, PlaceNames names)
{
    /// <summary>
    /// Of a schedule that goes on for ever people need to see a few rounds: so many steps from where the order becomes fair, and so many
    /// before the end.
    /// </summary>
    private const int FairSteps = 100;

    /// <summary>Types that may stand on the stack between the code that makes a step and this type.</summary>
    private static readonly HashSet<Type> Ours =
    [
        typeof(Engine), typeof(Decider), typeof(PseudoSteps), typeof(StoreBuffers), typeof(Listeners), typeof(Recorder), typeof(Schedule),
        typeof(VirtualClock), typeof(VirtualTimer),
    ];

    private readonly List<Recorded> _steps = [];
    private (long Bits, object? Reference) _found;
    private int _fairAt = -1;
    private int _leftOut;
    private bool _preempted;

    internal int Count => _steps.Count;

    /// <summary><see cref="TraceStep.Source"/> of the last step.</summary>
    internal string LastSource => _steps[^1].Step.Source;

    internal int Preemptions { get; private set; }

    /// <summary>The next step is that of a thread chosen although the one before it could have gone on.</summary>
    internal void Preempted()
    {
        _preempted = true;
        Preemptions++;
    }

    /// <summary>Records the value that an update is about to find.</summary>
    internal void Arrives(in CheckStep step)
    {
        if (step.Operation == CheckOperation.AtomicUpdate)
            _found = step.HoldsReference ? (0, step.PeekReference()) : (step.PeekBits(), null);
    }

    /// <param name="actor">Whose step it is.</param>
    /// <param name="step">The step, done or begun.</param>
    /// <param name="succeeded">As <see cref="TraceStep.Succeeded"/>.</param>
    /// <param name="note">As <see cref="TraceStep.Note"/>.</param>
    /// <param name="withSource">Whether the code that runs now is what made it.</param>
    /// <param name="store">The store, when it is or was in a store buffer.</param>
    internal void Add(Actor actor, in CheckStep step, bool succeeded, string note = "", bool withSource = true, PendingStore? store = null)
    {
        var subject = actor.Location >= 0 ? names.NameOf(actor.Location)
            : step.Mark is { } mark ? (step.Instance is null ? mark.Name : $"{mark.Name} {step.Instance.GetType().Name}")
            : step.Class?.Name ?? "";
        var done =
            new TraceStep(actor.Index, step.Operation, step.Mode, subject, step.Value, succeeded, withSource ? Source() : "",
                [.. names.HeldBy(actor)], _preempted, note);
        _steps.Add(actor.Location >= 0 && HasValue(step.Operation) ? WithValues(done, actor, step, store) : new Recorded(done));
        _preempted = false;
        Shorten();
    }

    private Recorded WithValues(TraceStep done, Actor actor, in CheckStep step, PendingStore? store)
    {
        var updates = step.Operation == CheckOperation.AtomicUpdate;
        if (step.HoldsReference)
        {
            var there = store is { } pending ? pending.Reference : SeenBy(actor, step);
            return new Recorded(updates && done.Succeeded ? done with { Stored = 0 } : done, IsReference: true,
                updates ? _found.Reference : there, there);
        }

        if (!updates)
            return new Recorded(done with { Meaning = names.MeaningOf(actor.Location, step.Value) });
        done = done with { Value = _found.Bits, Meaning = names.MeaningOf(actor.Location, _found.Bits) };
        if (!done.Succeeded)
            return new Recorded(done);
        var left = step.PeekBits();
        return new Recorded(done with { Stored = left, StoredMeaning = names.MeaningOf(actor.Location, left) });
    }

    /// <summary>A thread sees its own pending stores before what is in memory.</summary>
    private static object? SeenBy(Actor actor, in CheckStep step) =>
        actor.Buffer is { } buffer && buffer.TryFind(step.Instance, step.Offset, 0, out var own, out _) ? own.Reference
        : step.PeekReference();

    /// <summary>
    /// All steps, once the schedule has ended: objects that no step has touched are numbered behind those of their like that one has.
    /// </summary>
    internal IReadOnlyList<TraceStep> Steps()
    {
        var known = new Dictionary<object, string>(ReferenceEqualityComparer.Instance);
        var numbers = new Dictionary<string, int>();
        return [.. _steps.Select(s =>
            !s.IsReference ? s.Step
            : s.Step with { Meaning = Name(s.Value), StoredMeaning = s.Step.Stored is null ? "" : Name(s.Stored) })];

        string Name(object? value)
        {
            if (value is null)
                return "null";
            if (!known.TryGetValue(value, out var name))
                known[value] = name = names.NameOf(value) ?? Numbered(value.GetType().Name);
            return name;
        }

        string Numbered(string type) => $"{type}#{numbers[type] = numbers.GetValueOrDefault(type, names.CountOf(type)) + 1}";
    }

    private static bool HasValue(CheckOperation operation) =>
        operation is CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate
        or CheckOperation.PlainRead or CheckOperation.PlainWrite;

    private void Shorten()
    {
        if (state.Steps < state.FairFrom)
            return;
        if (_fairAt < 0)
            _fairAt = _steps.Count;
        var cut = _fairAt + FairSteps;
        if (_steps.Count <= cut + FairSteps)
            return;
        _steps.RemoveAt(cut);
        _steps[cut] = _steps[cut] with { Step = _steps[cut].Step with { Note = $"after {++_leftOut} steps that are left out" } };
    }

    /// <param name="actor">Who chose; what the build chooses is not shown.</param>
    /// <param name="what">As in <see cref="Schedule.Choose(string, int)"/>.</param>
    /// <param name="chosen">What was chosen.</param>
    /// <param name="count">Of how many.</param>
    internal void Chosen(Actor actor, string what, int chosen, int count)
    {
        if (actor.Index < 0)
            return;
        var note = count == 2 ? $"chosen: {what}: {(chosen == 1 ? "yes" : "no")}" : $"chosen: {what}: {chosen}";
        _steps.Add(
            new Recorded(
                new TraceStep(actor.Index, CheckOperation.None, LockMode.None, what, chosen, true, Source(), [.. names.HeldBy(actor)],
                    false, note)));
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
        type.Namespace == typeof(Check).Namespace || Ours.Contains(type) || (type.DeclaringType is { } outer && Ours.Contains(outer));

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

    /// <param name="Step">As far as it is known while the schedule goes on.</param>
    /// <param name="IsReference">It is about an object, which is named at the end.</param>
    /// <param name="Value">That was read, written or found.</param>
    /// <param name="Stored">That was left.</param>
    private readonly record struct Recorded(TraceStep Step, bool IsReference = false, object? Value = null, object? Stored = null);
}
