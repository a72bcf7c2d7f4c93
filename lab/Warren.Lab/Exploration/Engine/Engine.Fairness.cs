using System.Numerics;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Threads that loop for ever, and schedules that do. From some step on the order is fair and no longer the search's: who was held back
/// goes on as soon as it can, and all others in turn, each for a few steps. What does not end under such an order has no excuse: either the
/// state of the scenario repeats (a lasso), or some thread does the same again and again while others complete one operation after the
/// other.
/// </summary>
internal sealed partial class Engine
{
    private readonly int _fairAfter;
    private readonly int _starvation;
    private readonly Dictionary<(int Actor, CheckOperation Operation, int Location), int> _visits = [];
    private ulong _foreground;
    private ulong _anchor;
    private long _anchorStep;
    private long _anchorSpan;
    private int _anchorSeen;
    private long _fairStart;
    private ulong _runUnderFairness;

    /// <summary>The step from which the order is fair.</summary>
    internal long FairFrom { get; set; }

    /// <summary>How many steps each thread makes in its turn is drawn from it; 0: one.</summary>
    internal ulong FairSeed { get; set; }

    /// <summary>True when a thread was declared to loop for ever.</summary>
    internal bool HasBackground => DeclaredThreads > BitOperations.PopCount(_foreground & ((1ul << DeclaredThreads) - 1));

    private bool IsForegroundLeft => (_unfinished & _foreground) != 0;

    private void ResetFairness()
    {
        FairFrom = _fairAfter;
        FairSeed = 0;
        _search.Fairness(this);
        _fairStart = -1;
    }

    /// <summary>A background thread: goes round until the last foreground thread has ended, and gives way after each round.</summary>
    private void Loop(Actor actor, Action body)
    {
        while (true)
        {
            body();
            if (actor.HeldCount > 0)
                Fail(HeldWhereNoneMayBe(actor, "at the end of a round"));
            actor.Iterations++;
            if (!IsForegroundLeft)
                return;
            actor.Operation = CheckOperation.None;
            actor.Traits = StepTraits.None;
            actor.Location = -1;
            actor.ReadCount = 0;
            actor.Yielding = true;
            Executed(actor, succeeded: true);
            Pass(actor);
            actor.Yielding = false;
            if (!IsForegroundLeft)
                return;
        }
    }

    private int NextFairly(int current, ulong candidates)
    {
        if (_fairStart < 0)
            BeginFairness();
        for (var held = _unfinished & ~candidates; held != 0; held &= held - 1)
            _actors[BitOperations.TrailingZeroCount(held)].WasHeldBack = true;
        var next = -1;
        for (var left = candidates; left != 0; left &= left - 1)
        {
            var index = BitOperations.TrailingZeroCount(left);
            if (next < 0 || IsBefore(_actors[index], _actors[next]))
                next = index;
        }

        if (!_actors[next].WasHeldBack && (candidates >> current & 1) != 0 && _actors[current].QuantumLeft > 0)
            next = current;
        var actor = _actors[next];
        if (next != current)
            actor.QuantumLeft = FairSeed == 0 ? 1 : 1 + new Dice(FairSeed + (ulong)next).Below(12);
        actor.QuantumLeft--;
        actor.LastRun = _steps + 1;
        actor.WasHeldBack = false;
        _runUnderFairness |= 1ul << next;
        Observe(actor);
        return next;
    }

    private static bool IsBefore(Actor one, Actor other) =>
        one.WasHeldBack != other.WasHeldBack ? one.WasHeldBack : one.LastRun < other.LastRun;

    private void BeginFairness()
    {
        _fairStart = _steps;
        _visits.Clear();
        _anchorSpan = 256;
        _anchorSeen = 0;
        _anchorStep = _steps;
        _anchor = 0;
        _runUnderFairness = 0;
        for (var i = 0; i < _actorCount; i++)
            _actors[i].Iterations = 0;
    }

    /// <summary>Looks for a repetition at the step that comes.</summary>
    private void Observe(Actor actor)
    {
        var key = (actor.Index, actor.Operation, actor.Location);
        var visits = _visits.GetValueOrDefault(key) + 1;
        _visits[key] = visits;
        var state = StateHash();
        if (state == _anchor)
        {
            if (++_anchorSeen >= _starvation)
                JudgeRepetition(isSameState: true);
        }
        else if (_steps - _anchorStep >= _anchorSpan)
        {
            // Longer and longer, until a whole number of rounds fits (Brent 1980).
            (_anchor, _anchorStep, _anchorSpan, _anchorSeen) = (state, _steps, _anchorSpan * 2, 0);
        }

        if (visits > _starvation && ((_steps - _fairStart) & 255) == 0)
            JudgeRepetition(isSameState: false);
    }

    private void JudgeRepetition(bool isSameState)
    {
        var busiest = -1;
        for (var i = 0; i < _actorCount; i++)
        {
            if (_actors[i].Background && _actors[i].Pseudo is null && (busiest < 0 || _actors[i].Iterations > _actors[busiest].Iterations))
                busiest = i;
        }

        var completed = busiest < 0 ? 0 : _actors[busiest].Iterations;
        var needed = isSameState || completed > _starvation ? _starvation : _starvation * 16;
        var left = _unfinished & _foreground;
        // Who is left to end a last round has been counted over all of its rounds.
        if (left == 0 && !isSameState)
            return;
        if (!isSameState)
        {
            for (var each = left; each != 0; each &= each - 1)
            {
                if (MostVisits(BitOperations.TrailingZeroCount(each)) < needed
                    && (_runUnderFairness >> BitOperations.TrailingZeroCount(each) & 1) != 0)
                {
                    return;
                }
            }
        }

        if (left == 0)
            left = _unfinished;
        var names = string.Join(", ", Each(left).Select(static a => a.Name));
        var how = isSameState
            ? $"the same state has come back {_anchorSeen} times"
            : "it does the same steps over and over while values change";
        var details = $"Since step {_fairStart} everybody has had a turn, and who was held back has gone first; {how}.\n"
            + string.Join('\n', Each(_unfinished).Where(static a => a.Pseudo is null).Select(Repetition));
        Judge(completed > _starvation
            ? new Verdict(VerdictKind.Starvation,
                $"{names} gets nowhere while {_actors[busiest].Name} has completed {completed} rounds, although the order is fair.",
                details)
            : new Verdict(VerdictKind.Livelock,
                $"{names} run{(BitOperations.PopCount(left) == 1 ? "s" : "")} for ever and get"
                    + $"{(BitOperations.PopCount(left) == 1 ? "s" : "")} nowhere, although the order is fair.", details));
    }

    private string Repetition(Actor actor)
    {
        var visited = _visits.Where(v => v.Key.Actor == actor.Index).OrderByDescending(static v => v.Value)
            .ThenBy(static v => v.Key.Location).Take(4)
            .Select(v => $"{v.Value} x {v.Key.Operation}{(v.Key.Location < 0 ? "" : " of " + NameOf(v.Key.Location))}");
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

    private IEnumerable<Actor> Each(ulong mask)
    {
        for (; mask != 0; mask &= mask - 1)
            yield return _actors[BitOperations.TrailingZeroCount(mask)];
    }

    /// <summary>
    /// Where each thread is, what it holds, and the values of all it has touched. Local variables are not in it, which is why one
    /// repetition proves nothing, and many do.
    /// </summary>
    private ulong StateHash()
    {
        var hash = 0xCBF29CE484222325;
        for (var i = 0; i < _actorCount; i++)
        {
            var actor = _actors[i];
            hash = Mix(hash,
                ((ulong)actor.State << 40) | ((ulong)actor.Operation << 32) | ((ulong)actor.Mode << 48) | (uint)actor.Location
                    | (actor.Waiting ? 1ul << 63 : 0));
            for (var h = 0; h < actor.HeldCount; h++)
                hash = Mix(hash, (uint)actor.HeldLocation[h]);
        }

        for (var i = 0; i < _locations.Count; i++)
            hash = Mix(hash, (ulong)_locations[i].Value);
        return hash;
    }

    private static ulong Mix(ulong hash, ulong value) => ((hash ^ value) * 0x9E3779B97F4A7C15) ^ (hash >> 31);
}
