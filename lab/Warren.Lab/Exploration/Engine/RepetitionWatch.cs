using System.Numerics;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Recognises schedules that go on for ever under a fair order: either the state of the scenario repeats (a lasso), or some thread does the
/// same again and again while others complete one operation after the other.
/// </summary>
internal sealed class RepetitionWatch(ScheduleState state, PlaceNames names, int starvation)
{
    private readonly Dictionary<(int Actor, CheckOperation Operation, int Location), int> _visits = [];
    private ulong _anchor;
    private long _anchorStep;
    private long _anchorSpan;
    private int _anchorSeen;
    private long _start;
    private ulong _hasRun;

    /// <summary>The order is fair from here on.</summary>
    internal void Begin()
    {
        _start = state.Steps;
        _visits.Clear();
        _anchorSpan = 256;
        _anchorSeen = 0;
        _anchorStep = state.Steps;
        _anchor = 0;
        _hasRun = 0;
        for (var i = 0; i < state.ActorCount; i++)
            state[i].Iterations = 0;
    }

    /// <summary>Looks for a repetition at the step that comes.</summary>
    internal void Observe(Actor actor)
    {
        _hasRun |= actor.Bit;
        var key = (actor.Index, actor.Operation, actor.Location);
        var visits = _visits.GetValueOrDefault(key) + 1;
        _visits[key] = visits;
        var hash = StateHash();
        if (hash == _anchor)
        {
            if (++_anchorSeen >= starvation)
                JudgeRepetition(isSameState: true);
        }
        else if (state.Steps - _anchorStep >= _anchorSpan)
        {
            // Longer and longer, until a whole number of rounds fits (Brent 1980).
            (_anchor, _anchorStep, _anchorSpan, _anchorSeen) = (hash, state.Steps, _anchorSpan * 2, 0);
        }

        if (visits > starvation && ((state.Steps - _start) & 255) == 0)
            JudgeRepetition(isSameState: false);
    }

    private void JudgeRepetition(bool isSameState)
    {
        var busiest = -1;
        for (var i = 0; i < state.ActorCount; i++)
        {
            if (state[i].Background && state[i].Pseudo is null && (busiest < 0 || state[i].Iterations > state[busiest].Iterations))
                busiest = i;
        }

        var completed = busiest < 0 ? 0 : state[busiest].Iterations;
        var needed = isSameState || completed > starvation ? starvation : starvation * 16;
        var left = state.Unfinished & state.Foreground;
        // Who is left to end a last round has been counted over all of its rounds.
        if (left == 0 && !isSameState)
            return;
        if (!isSameState && state.Each(left & _hasRun).Any(actor => MostVisits(actor.Index) < needed))
            return;

        if (left == 0)
            left = state.Unfinished;
        var who = string.Join(", ", state.Each(left).Select(static a => a.Name));
        var how = isSameState
            ? $"the same state has come back {_anchorSeen} times"
            : "it does the same steps over and over while values change";
        var details = $"Since step {_start} everybody has had a turn, and who was held back has gone first; {how}.\n"
            + string.Join('\n', state.Each(state.Unfinished).Where(static a => a.Pseudo is null).Select(Repetition));
        var plural = BitOperations.PopCount(left) == 1 ? "s" : "";
        state.Judge(completed > starvation
            ? new Verdict(VerdictKind.Starvation,
                $"{who} gets nowhere while {state[busiest].Name} has completed {completed} rounds, although the order is fair.", details)
            : new Verdict(VerdictKind.Livelock,
                $"{who} run{plural} for ever and get{plural} nowhere, although the order is fair.", details));
    }

    private string Repetition(Actor actor)
    {
        var visited = _visits.Where(v => v.Key.Actor == actor.Index).OrderByDescending(static v => v.Value)
            .ThenBy(static v => v.Key.Location).Take(4)
            .Select(v => $"{v.Value} x {v.Key.Operation}{(v.Key.Location < 0 ? "" : " of " + names.NameOf(v.Key.Location))}");
        return $"{actor.Name}{(actor.Background ? $" ({actor.Iterations} rounds)" : "")}: {string.Join(", ", visited)}";
    }

    private int MostVisits(int actor)
    {
        var most = 0;
        foreach (var (key, visits) in _visits)
        {
            if (key.Actor == actor && visits > most)
                most = visits;
        }

        return most;
    }

    /// <summary>
    /// Where each thread is, what it holds, and the values of all it has touched. Local variables are not in it, which is why one
    /// repetition proves nothing, and many do.
    /// </summary>
    private ulong StateHash()
    {
        var hash = 0xCBF29CE484222325;
        for (var i = 0; i < state.ActorCount; i++)
        {
            var actor = state[i];
            hash = Mix(hash,
                ((ulong)actor.State << 40) | ((ulong)actor.Operation << 32) | ((ulong)actor.Mode << 48) | (uint)actor.Location
                    | (actor.Waiting ? 1ul << 63 : 0));
            for (var h = 0; h < actor.HeldCount; h++)
                hash = Mix(hash, (uint)actor.HeldLocation[h]);
        }

        for (var i = 0; i < state.Locations.Count; i++)
            hash = Mix(hash, (ulong)state.Locations[i].Value);
        return hash;
    }

    private static ulong Mix(ulong hash, ulong value) => ((hash ^ value) * 0x9E3779B97F4A7C15) ^ (hash >> 31);
}
