using System.Numerics;
using System.Text;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The verdict when nobody can go on, and how it is said.</summary>
internal sealed partial class Engine
{
    /// <summary>
    /// Rounds of a loop that must be the same, with nobody else able to do anything, before it counts as one that never ends.
    /// </summary>
    private const int RoundsToCertify = 16;

    private bool _probing;

    /// <summary>
    /// Nobody can go on. Before that is a verdict it is put to the test: loops go round again, since what ends them may be something the
    /// explorer does not see, and sleepers are woken for nothing, since what they do then tells whether their condition is true.
    /// </summary>
    private void Stuck()
    {
        _probing = true;
        var (locks, sleepers, awaits, probes) = (0, 0, 0, 0);
        for (var left = _unfinished; left != 0; left &= left - 1)
        {
            var actor = _actors[BitOperations.TrailingZeroCount(left)];
            if (actor.Pseudo is not null)
                continue;
            switch (actor.Operation)
            {
                case CheckOperation.WaitSleep:
                    sleepers++;
                    if (!actor.Probed && _locations[actor.Location].Instance is RcuWait wait)
                    {
                        actor.Probed = true;
                        Probe(wait, ref _locations[actor.Location]);
                        probes++;
                    }

                    break;
                case CheckOperation.Relax:
                    awaits++;
                    if (actor.SameRounds < RoundsToCertify)
                    {
                        actor.Yielding = true;
                        probes++;
                    }

                    break;
                default:
                    locks++;
                    break;
            }
        }

        if (probes > 0)
            return;
        _probing = false;
        var isLivelock = locks + sleepers == 0;
        var sentence = isLivelock
            ? $"{WhoIsLeft()} loop{(awaits == 1 ? "s" : "")} for ever: nobody is left to write what "
            + $"{(awaits == 1 ? "it reads" : "they read")}."
            : locks + sleepers + awaits == 1
                ? $"{WhoIsLeft()} waits for ever: nobody is left to let it go on."
                : $"{WhoIsLeft()} wait for each other; none can go on.";
        Judge(new Verdict(isLivelock ? VerdictKind.Livelock : VerdictKind.Deadlock, sentence, WaitForGraph()));
    }

    private void Probe(RcuWait wait, ref Location location)
    {
        var runner = Current!;
        var wasMuted = runner.Muted;
        runner.Muted = true;
        wait.WakeUp();
        runner.Muted = wasMuted;
        location.Woken = true;
        location.Wakes++;
    }

    private Verdict LostWakeUp(Actor actor)
    {
        var waker = _locations[actor.Location].LastWriter;
        return new Verdict(VerdictKind.LostWakeUp,
            $"{actor.Name} sleeps on {NameOf(actor.Location)} although its condition is true, and nobody is left to wake it.",
            "Woken for nothing, it found its condition true and went on. Whoever made it true did not wake it: it must do so after that, "
                + "and the sleeper must be prepared before it looks."
            + (waker < 0 || waker == actor.Index ? "" : $"\nThe last other to touch {NameOf(actor.Location)} was {_actors[waker].Name}."));
    }

    private Verdict NeverEnded() => new(VerdictKind.Scenario,
        $"The schedule had not ended after {_maxSteps} steps, and does not repeat itself: shorten the scenario's loops, declare a thread "
            + $"that loops for ever with Schedule.Background, or raise ExplorationOptions.MaxSteps.", WaitForGraph());

    private Verdict Stalled() => new(VerdictKind.Scenario, _building
        ? $"Building the scenario took more than {_stall.TotalSeconds:0} seconds."
        : $"{(_running >= 0 && _running < _actorCount ? _actors[_running].Name : "A thread")} has made no step for "
        + $"{_stall.TotalSeconds:0} seconds: it waits for something that the explorer does not see "
            + "(a native lock, a task, a file), or computes without end. Use the locks of Warren.Locking, and Cpu.Relax in loops.");

    private Verdict HeldWhereNoneMayBe(Actor actor, string where) =>
        new(VerdictKind.LockLeak, $"{actor.Name} still holds {HeldBy(actor)} {where}.");

    private string HeldBy(Actor actor) => string.Join(", ", HeldNames(actor));

    internal IEnumerable<string> HeldNames(Actor actor)
    {
        for (var i = 0; i < actor.HeldCount; i++)
            yield return NameOf(actor.HeldLocation[i]) + (actor.HeldMode[i] == LockMode.Shared ? " (shared)" : "");
    }

    private string WhoIsLeft()
    {
        var names = new List<string>();
        for (var left = _unfinished; left != 0; left &= left - 1)
        {
            var actor = _actors[BitOperations.TrailingZeroCount(left)];
            if (actor.Pseudo is null)
                names.Add(actor.Name);
        }

        return names.Count < 2 ? string.Concat(names) : string.Join(", ", names.SkipLast(1)) + " and " + names[^1];
    }

    /// <summary>A line for each thread that is left: what it waits for, and who could end that.</summary>
    private string WaitForGraph()
    {
        var text = new StringBuilder();
        for (var left = _unfinished; left != 0; left &= left - 1)
        {
            var actor = _actors[BitOperations.TrailingZeroCount(left)];
            if (actor.Pseudo is not null)
                continue;
            if (text.Length > 0)
                text.Append('\n');
            text.Append(actor.Name).Append(' ').Append(WhatItWaitsFor(actor));
            if (actor.HeldCount > 0)
                text.Append("; holds ").Append(HeldBy(actor));
        }

        return text.ToString();
    }

    private string WhatItWaitsFor(Actor actor)
    {
        if (actor.State == ActorState.NotStarted)
            return "has not started";
        switch (actor.Operation)
        {
            case CheckOperation.LockAcquire:
                {
                    var holders =
                        string.Join(", ",
                            _actors.Take(_actorCount).Where(a => Array.IndexOf(a.HeldLocation, actor.Location, 0, a.HeldCount) >= 0)
                                .Select(static a => a.Name));
                    var queued = _locations[actor.Location].Owner < 0 && actor.Mode == LockMode.Shared ? ", where a writer is queued" : "";
                    return $"waits for {NameOf(actor.Location)}{(actor.Mode == LockMode.Shared ? " (shared)" : "")} held by "
                        + $"{(holders.Length == 0 ? "nobody" : holders)}{queued}";
                }

            case CheckOperation.Relax:
                {
                    var parts = new List<string>();
                    for (var i = 0; i < actor.ReadCount; i++)
                    {
                        var writer = _locations[actor.ReadLocation[i]].LastWriter;
                        parts.Add($"{NameOf(actor.ReadLocation[i])} (last written by {(writer < 0 ? "nobody" : _actors[writer].Name)})");
                    }

                    return $"loops until somebody writes {string.Join(" or ", parts)}";
                }

            case CheckOperation.WaitSleep:
                return $"sleeps on {NameOf(actor.Location)}";
            case CheckOperation.SrcuSynchronize:
                {
                    var readers =
                        string.Join(", ",
                            _actors.Take(_actorCount).Where(a => Array.IndexOf(a.HeldLocation, actor.Location, 0, a.HeldCount) >= 0)
                                .Select(static a => a.Name));
                    return $"waits for a grace period of {NameOf(actor.Location)}" + (readers.Length == 0 ? "" : $"; inside it: {readers}");
                }

            default:
                return actor.Location >= 0 ? $"is at {actor.Operation} of {NameOf(actor.Location)}" : $"is at {actor.Operation}";
        }
    }
}
