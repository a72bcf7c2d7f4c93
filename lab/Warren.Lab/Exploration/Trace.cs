using Warren.Locking;

namespace Warren.Lab;

/// <summary>One step of a schedule, as it was executed.</summary>
/// <param name="Thread">Index into <see cref="Trace.Threads"/>.</param>
/// <param name="Operation">What was done.</param>
/// <param name="Mode">How, for locks.</param>
/// <param name="Subject">The lock class and number, or the field ("InvalidationState#1.InProgress"), or the mark.</param>
/// <param name="Value">As <see cref="CheckStep.Value"/> after the step; of an update what it found.</param>
/// <param name="Succeeded">False for a failed try, or a step at which the thread began to wait.</param>
/// <param name="Source">"File.cs:123 Method" of the code that made the step, or empty when it was not recorded.</param>
/// <param name="Held">Locks the thread holds after the step.</param>
/// <param name="Preempted">The thread before this one could have gone on.</param>
/// <param name="Note">What a monitor or the explorer adds ("waits for #3", "chosen: fails").</param>
/// <param name="Meaning">What the value says ("frame 3 rwx A D", "table L1 gfn 0x0", "Memslots#2", "null"); empty where it is just a
/// number.</param>
/// <param name="Stored">Of an update what it left, where that is known.</param>
/// <param name="StoredMeaning">As <paramref name="Meaning"/>, of that.</param>
public sealed record TraceStep(int Thread, CheckOperation Operation, LockMode Mode, string Subject, long Value, bool Succeeded,
    string Source,
    IReadOnlyList<string> Held, bool Preempted, string Note = "", string Meaning = "", long? Stored = null, string StoredMeaning = "");

/// <summary>A schedule that was executed, for people; also as JSON.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Threads">Names of the threads, callbacks and store buffers included.</param>
/// <param name="Steps">In the order of execution.</param>
/// <param name="Verdict">Null when nothing was wrong.</param>
/// <param name="Replay">The string that makes it happen again.</param>
/// <param name="Preemptions">Steps with <see cref="TraceStep.Preempted"/>.</param>
public sealed record Trace(string Scenario, IReadOnlyList<string> Threads, IReadOnlyList<TraceStep> Steps, Verdict? Verdict, string Replay,
    int Preemptions);
