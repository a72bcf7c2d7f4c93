using Warren.Locking;

namespace Warren.Lab.Reports;

/// <summary>
/// The columns' needs beyond the steps: which lock occupies which lane of its thread, and which steps bear on the verdict.
/// </summary>
internal sealed class TraceAnalysis
{
    /// <summary>Steps before the verdict that always bear on it.</summary>
    private const int Tail = 6;

    private TraceAnalysis(Trace trace) => Trace = trace;

    /// <summary>As given, with a thread for each column.</summary>
    public Trace Trace { get; }

    /// <summary>For each step, the lanes of its thread as the row shows them.</summary>
    public IReadOnlyList<IReadOnlyList<Lane>> Lanes { get; private set; } = [];

    /// <summary>For each step, whether it bears on the verdict; the rest may be folded or dimmed.</summary>
    public IReadOnlyList<bool> Relevant { get; private set; } = [];

    /// <summary>For each step, the thread that was preempted before it, or -1.</summary>
    public IReadOnlyList<int> PreemptedThread { get; private set; } = [];

    public static TraceAnalysis Of(Trace trace)
    {
        trace = Columns(trace);
        var preempted = new int[trace.Steps.Count];
        for (var i = 0; i < preempted.Length; i++)
            preempted[i] = IsPreemption(trace.Steps, i) ? trace.Steps[i - 1].Thread : -1;
        return new TraceAnalysis(trace) { Lanes = LanesOf(trace), Relevant = RelevantOf(trace), PreemptedThread = preempted };
    }

    /// <summary>The lanes of a thread after its step before <paramref name="index"/>, for rows in which another thread steps.</summary>
    public IReadOnlyList<Lane> LanesBetween(int thread, int index)
    {
        for (var i = index; i >= 0; i--)
        {
            if (Trace.Steps[i].Thread != thread)
                continue;
            List<Lane> after = [.. Lanes[i].Select(l => new Lane(l.Change == LaneChange.Ends ? null : l.Lock, LaneChange.None))];
            while (after is [.., { Lock: null }])
                after.RemoveAt(after.Count - 1);
            return after;
        }

        return [];
    }

    private static List<Lane>[] LanesOf(Trace trace)
    {
        var current = new List<string?>[trace.Threads.Count];
        for (var i = 0; i < current.Length; i++)
            current[i] = [];
        var rows = new List<Lane>[trace.Steps.Count];
        for (var i = 0; i < rows.Length; i++)
        {
            var step = trace.Steps[i];
            if (step.Thread < 0 || step.Thread >= current.Length)
            {
                rows[i] = [];
                continue;
            }

            var lanes = current[step.Thread];
            var held = step.Held.ToList();
            var row = lanes.Select(l => new Lane(l, l is not null && !held.Remove(l) ? LaneChange.Ends : LaneChange.None)).ToList();
            foreach (var fresh in held)
            {
                var free = row.FindIndex(l => l.Lock is null);
                if (free < 0)
                {
                    free = row.Count;
                    row.Add(default);
                }

                row[free] = new Lane(fresh, LaneChange.Begins);
            }

            rows[i] = row;
            current[step.Thread] = [.. row.Select(l => l.Change == LaneChange.Ends ? null : l.Lock)];
            while (current[step.Thread] is [.., null])
                current[step.Thread].RemoveAt(current[step.Thread].Count - 1);
        }

        return rows;
    }

    /// <summary>
    /// A step bears on the verdict when the verdict names its subject, when it failed, waits, carries a note or stands at a preemption,
    /// when it is the last of its thread or among the last of all, tells an event, or when it is the first to see or to overwrite what
    /// another thread did to the same subject.
    /// </summary>
    private static bool[] RelevantOf(Trace trace)
    {
        var steps = trace.Steps;
        var relevant = new bool[steps.Count];
        var verdict = trace.Verdict is { } v ? v.Sentence + "\n" + v.Details : "";
        var last = new Dictionary<string, (int Thread, int Step, bool Changes)>();
        var unseen = new HashSet<int>(Enumerable.Range(0, trace.Threads.Count));
        for (var i = steps.Count - 1; i >= 0; i--)
        {
            if (unseen.Remove(steps[i].Thread))
                relevant[i] = true;
        }

        for (var i = Math.Max(0, steps.Count - Tail); i < steps.Count && trace.Verdict is not null; i++)
            relevant[i] = true;
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            if (StepWords.Failed(step) || step.Note.Length > 0 || IsPreemption(steps, i)
                || (step.Subject.Length > 0 && Names(verdict, step.Subject)))
            {
                relevant[i] = true;
            }
            if (IsPreemption(steps, i))
                relevant[i - 1] = true;
            if (step.Operation == CheckOperation.Mark)
                relevant[i] |= !IsHousekeeping(step);
            if (step.Subject.Length == 0 || step.Operation == CheckOperation.Mark)
                continue;
            var changes = StepWords.Changes(step);
            if (last.TryGetValue(step.Subject, out var before) && before.Thread != step.Thread && (changes || before.Changes)
                && StepWords.Kind(step) is not (StepKind.Unlock or StepKind.Lock or StepKind.Srcu))
            {
                relevant[i] = relevant[before.Step] = true;
            }
            last[step.Subject] = (step.Thread, i, changes);
        }

        return relevant;
    }

    /// <summary>Where no other thread stood before there is nothing to show, whatever the scheduler counts.</summary>
    private static bool IsPreemption(IReadOnlyList<TraceStep> steps, int index) =>
        steps[index].Preempted && index > 0 && steps[index - 1].Thread != steps[index].Thread;

    /// <summary>
    /// Columns for the threads that step: one that never does (a store buffer, often) would only take room. A schedule that broke while it
    /// was made may have steps of threads that have no name yet.
    /// </summary>
    private static Trace Columns(Trace trace)
    {
        int[] stepping = [.. trace.Steps.Select(s => s.Thread).Distinct().Order()];
        if (stepping.Length == trace.Threads.Count)
            return trace;
        return trace with
        {
            Threads = [.. stepping.Select(t => t < trace.Threads.Count ? trace.Threads[t] : $"thread {t}")],
            Steps = [.. trace.Steps.Select(s => s with { Thread = Array.IndexOf(stepping, s.Thread) })],
        };
    }

    /// <summary>Allocators tell every piece of memory they hand out.</summary>
    private static bool IsHousekeeping(TraceStep step) =>
        step.Subject.StartsWith(LockingMarks.Reused.Name, StringComparison.Ordinal)
        || step.Subject.StartsWith(LockingMarks.Touched.Name, StringComparison.Ordinal);

    private static bool Names(string text, string subject)
    {
        for (var at = text.IndexOf(subject, StringComparison.Ordinal); at >= 0; at =
            text.IndexOf(subject, at + 1, StringComparison.Ordinal))
        {
            var end = at + subject.Length;
            if ((at == 0 || !IsWord(text[at - 1])) && (end == text.Length || !IsWord(text[end])))
                return true;
        }

        return false;
    }

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '#';
}

/// <summary>The change of a lock in a row.</summary>
internal enum LaneChange
{
    None,
    Begins,
    Ends,
}

/// <summary>One lane beside a thread's steps: the lock whose holding it draws, null when free.</summary>
internal readonly record struct Lane(string? Lock, LaneChange Change);
