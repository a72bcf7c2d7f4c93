using System.Numerics;

namespace Warren.Lab;

/// <summary>
/// Probabilistic concurrency testing (Burckhardt et al. 2010): the enabled thread of the highest random priority runs; at depth - 1 random
/// steps the running thread's priority falls below all initial ones, to a rank that the step has for itself. A bug that needs d ordering
/// constraints shows with probability at least 1 / (n k^(d-1)) per schedule, for n threads and k steps.
/// </summary>
internal sealed class PctSearch(ulong seed, int minDepth = 1, int maxDepth = 5) : Search
{
    private readonly int[] _priority = new int[ScheduleState.MaxActors];
    private readonly int[] _changes = new int[8];
    private Dice _dice = new(seed);
    private int _changeCount;
    private int _lowest;
    private int _decisions;

    /// <summary>
    /// The decision of the next change point that has not been passed, and which it is: they are drawn in no order, so that their ranks
    /// have none either.
    /// </summary>
    private int _nextChange;
    private int _nextRank;
    private int _longest = 1;
    private int _known;

    internal override bool Begin(ScheduleState state)
    {
        _longest = Math.Max(_longest, _decisions);
        _changeCount = minDepth - 1 + _dice.Below(maxDepth - minDepth + 1);
        for (var i = 0; i < _changeCount; i++)
            _changes[i] = 1 + _dice.Below(_longest);
        _decisions = 0;
        FindNextChange();
        _lowest = -_changeCount;
        _known = 0;
        return true;
    }

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback)
    {
        for (; _known < state.ActorCount; _known++)
            _priority[_known] = 1 + (int)(_dice.Next() >> 34);
        _decisions++;
        // Who gives way falls behind all others, or they would wait for it for ever.
        if (state[state.LastActor].Yielding)
            _priority[state.LastActor] = --_lowest;
        if (_decisions == _nextChange)
        {
            if (current >= 0)
                _priority[current] = _nextRank;
            FindNextChange();
        }

        var best = -1;
        for (var left = candidates; left != 0; left &= left - 1)
        {
            var index = BitOperations.TrailingZeroCount(left);
            if (best < 0 || _priority[index] > _priority[best])
                best = index;
        }

        return best;
    }

    private void FindNextChange()
    {
        _nextChange = int.MaxValue;
        for (var i = 0; i < _changeCount; i++)
        {
            if (_changes[i] > _decisions && _changes[i] < _nextChange)
                (_nextChange, _nextRank) = (_changes[i], -1 - i);
        }
    }

    internal override bool EndsFirst(int next, int waiting)
    {
        if (Math.Max(next, waiting) >= _known)
            return false;
        var lowest = _priority[next];
        for (var i = 0; i < _changeCount; i++)
        {
            if (_changes[i] > _decisions)
                lowest = Math.Min(lowest, -1 - i);
        }

        return _priority[waiting] < lowest;
    }

    internal override int Choose(ScheduleState state, int count) => _dice.Below(count);
}
