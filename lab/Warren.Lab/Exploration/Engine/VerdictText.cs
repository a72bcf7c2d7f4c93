using System.Text;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The words of the engine's own verdicts: who waits for what, and who has it.</summary>
internal sealed class VerdictText(ScheduleState state, PlaceNames names)
{
    private readonly LocationTable _locations = state.Locations;

    internal Verdict LostWakeUp(Actor actor)
    {
        var waker = _locations[actor.Location].LastWriter;
        return new Verdict(VerdictKind.LostWakeUp,
            $"{actor.Name} sleeps on {names.NameOf(actor.Location)} although its condition is true, and nobody is left to wake it.",
            "Woken for nothing, it found its condition true and went on. Whoever made it true did not wake it: it must do so after that, "
                + "and the sleeper must be prepared before it looks."
            + (waker < 0 || waker == actor.Index ? ""
                : $"\nThe last other to touch {names.NameOf(actor.Location)} was {state[waker].Name}."));
    }

    internal Verdict NeverEnded(long steps) => new(VerdictKind.Scenario,
        $"The schedule had not ended after {steps} steps, and does not repeat itself: shorten the scenario's loops, declare a thread "
            + $"that loops for ever with Schedule.Background, or raise ExplorationOptions.MaxSteps.", WaitForGraph());

    /// <param name="running">Who had the turn; null for nobody.</param>
    internal static Verdict Stalled(TimeSpan time, bool building, Actor? running) => new(VerdictKind.Scenario, building
        ? $"Building the scenario took more than {time.TotalSeconds:0} seconds."
        : $"{running?.Name ?? "A thread"} has made no step for {time.TotalSeconds:0} seconds: it waits for something that the explorer "
            + "does not see (a native lock, a task, a file), or computes without end. Use the locks of Warren.Locking, and Cpu.Relax in "
            + "loops.");

    internal Verdict HeldWhereNoneMayBe(Actor actor, string where) =>
        new(VerdictKind.LockLeak, $"{actor.Name} still holds {HeldBy(actor)} {where}.");

    /// <param name="locks">Threads that wait for a lock, a grace period or the like.</param>
    /// <param name="sleepers">That sleep until they are woken.</param>
    /// <param name="awaits">That loop until something is written.</param>
    internal Verdict NobodyCanGoOn(int locks, int sleepers, int awaits)
    {
        var isLivelock = locks + sleepers == 0;
        var sentence = isLivelock
            ? $"{WhoIsLeft()} loop{(awaits == 1 ? "s" : "")} for ever: nobody is left to write what "
            + $"{(awaits == 1 ? "it reads" : "they read")}."
            : locks + sleepers + awaits == 1
                ? $"{WhoIsLeft()} waits for ever: nobody is left to let it go on."
                : $"{WhoIsLeft()} wait for each other; none can go on.";
        return new Verdict(isLivelock ? VerdictKind.Livelock : VerdictKind.Deadlock, sentence, WaitForGraph());
    }

    internal string WhatItWaitsFor(Actor actor)
    {
        if (actor.State == ActorState.NotStarted)
            return "has not started";
        switch (actor.Operation)
        {
            case CheckOperation.LockAcquire:
                {
                    var holders = HoldersOf(actor.Location);
                    var queued = _locations[actor.Location].Owner < 0 && actor.Mode == LockMode.Shared ? ", where a writer is queued" : "";
                    return $"waits for {names.NameOf(actor.Location)}{(actor.Mode == LockMode.Shared ? " (shared)" : "")} held by "
                        + $"{(holders.Length == 0 ? "nobody" : holders)}{queued}";
                }

            case CheckOperation.Relax:
                {
                    var parts = new List<string>();
                    for (var i = 0; i < actor.ReadCount; i++)
                    {
                        var writer = _locations[actor.ReadLocation[i]].LastWriter;
                        var by = writer < 0 ? "nobody" : state[writer].Name;
                        parts.Add($"{names.NameOf(actor.ReadLocation[i])} (last written by {by})");
                    }

                    return $"loops until somebody writes {string.Join(" or ", parts)}";
                }

            case CheckOperation.WaitSleep:
                return $"sleeps on {names.NameOf(actor.Location)}";
            case CheckOperation.SrcuSynchronize:
                {
                    var readers = HoldersOf(actor.Location);
                    return $"waits for a grace period of {names.NameOf(actor.Location)}"
                        + (readers.Length == 0 ? "" : $"; inside it: {readers}");
                }

            default:
                return actor.Location >= 0 ? $"is at {actor.Operation} of {names.NameOf(actor.Location)}" : $"is at {actor.Operation}";
        }
    }

    private string HoldersOf(int location) => string.Join(", ",
        state.Actors.Where(a => Array.IndexOf(a.HeldLocation, location, 0, a.HeldCount) >= 0).Select(static a => a.Name));

    private string HeldBy(Actor actor) => string.Join(", ", names.HeldBy(actor));

    private string WhoIsLeft()
    {
        var left = state.Each(state.Unfinished).Where(static a => a.Pseudo is null).Select(static a => a.Name).ToList();
        return left.Count < 2 ? string.Concat(left) : string.Join(", ", left.SkipLast(1)) + " and " + left[^1];
    }

    /// <summary>A line for each thread that is left: what it waits for, and who could end that.</summary>
    private string WaitForGraph()
    {
        var text = new StringBuilder();
        foreach (var actor in state.Each(state.Unfinished).Where(static a => a.Pseudo is null))
        {
            if (text.Length > 0)
                text.Append('\n');
            text.Append(actor.Name).Append(' ').Append(WhatItWaitsFor(actor));
            if (actor.HeldCount > 0)
                text.Append("; holds ").Append(HeldBy(actor));
        }

        return text.ToString();
    }
}
